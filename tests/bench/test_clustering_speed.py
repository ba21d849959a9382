"""What k-means costs, against Lloyd's algorithm in plain NumPy and against scikit-learn, and how it grows."""

import numpy as np
import pytest

from core.clustering.kmeans import spherical_kmeans
from tests.bench.timing import forms

ITERATIONS = 20


@pytest.fixture(autouse=True)
def _one_thread():
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield


def features(n, d=64, groups=8):
    """Rows around some directions, so that every algorithm has something to find."""
    random = np.random.default_rng(0)
    centres = random.normal(size=(groups, d))
    return (centres[random.integers(0, groups, n)] + 0.7 * random.normal(size=(n, d))).astype(np.float32)


def ours(rows, k):
    return lambda: spherical_kmeans(rows, k, seed=0, restarts=1, max_iterations=ITERATIONS)


def sklearn(rows, k):
    """What people write: normalise, fit."""
    from sklearn.cluster import KMeans
    from sklearn.preprocessing import normalize

    return lambda: KMeans(k, n_init=1, max_iter=ITERATIONS, random_state=0).fit(normalize(rows))


def lloyd(rows, k):
    """The algorithm by the book, from k-means++ centres: all distances, nearest centres, means."""

    def run():
        random = np.random.default_rng(0)
        unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        centres = unit[random.integers(len(unit))][None]
        nearest = np.full(len(unit), np.inf)
        while len(centres) < k:
            nearest = np.minimum(nearest, np.square(unit - centres[-1]).sum(1))
            centres = np.concatenate([centres, unit[random.choice(len(unit), p=nearest / nearest.sum())][None]])
        before = None
        for _ in range(ITERATIONS):
            assigned = np.stack([np.square(unit - centre).sum(1) for centre in centres]).argmin(0)
            if before is not None and (assigned == before).all():
                break
            centres = np.stack([unit[assigned == j].mean(0) if (assigned == j).any() else centres[j] for j in range(k)])
            before = assigned

    return run


@forms("n, k, repetitions", short=[(200, 3, 1)], full=[(20_000, 8, 9)])
def test_k_means_against_plain_lloyd_and_scikit_learn(n, k, repetitions, figures):
    rows = features(n)
    for against, baseline, target in (("plain Lloyd", lloyd, 0.5), ("scikit-learn", sklearn, 1.1)):
        name = f"k-means of {n:,} × 64 into {k} against {against}"
        figures.ratio(name, ours(rows, k), baseline(rows, k), repetitions, against=against, target=target)


@forms("sizes, repetitions", short=[((100, 200), 1)], full=[((10_000, 20_000, 40_000, 80_000), 5)])
def test_k_means_grows_with_the_rows_as_scikit_learn_does(sizes, repetitions, figures):
    rows = {n: features(n) for n in sizes}
    name = f"k-means over {sizes[0]:,} to {sizes[-1]:,} rows"
    work = [lambda n, by=by: by(rows[n], 8) for by in (ours, sklearn)]
    figures.exponent(name, work[0], sizes, repetitions, baseline=work[1], against="scikit-learn", target=1.3)


@forms("sizes, repetitions", short=[((2, 4), 1)], full=[((4, 8, 16, 32), 5)])
def test_k_means_grows_with_the_clusters_as_scikit_learn_does(sizes, repetitions, figures):
    rows = features(20_000 if repetitions > 1 else 200)
    name = f"k-means into {sizes[0]} to {sizes[-1]} clusters"
    work = [lambda k, by=by: by(rows, k) for by in (ours, sklearn)]
    figures.exponent(name, work[0], sizes, repetitions, baseline=work[1], against="scikit-learn", target=1.3)
