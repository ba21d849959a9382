"""Clusters of representations on the unit sphere: scikit-learn's k-means, and random clusters as its control."""

import warnings
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import StageError

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """A clustering; clusters are numbered from the largest to the smallest.

    Attributes:
        assignments: cluster of every sample, 0 ≤ value < k, [n].
        centres: mean of the normalised rows of every cluster, [k, d]; arbitrary for an empty one.
        k: number of clusters, including empty ones.
        inertia: sum over samples of the squared distance to the centre, for normalised rows.
        iterations: k-means iterations of the best restart; the maximum over classes if clustered per class.
        empty: number of empty clusters; above 0 if fewer than k rows differ in direction.
    """

    assignments: Integers
    centres: Floats
    k: int
    inertia: float
    iterations: int
    empty: int


def spherical_kmeans(features: Floats, k: int, *, seed: int, restarts: int, max_iterations: int) -> Clusters:
    """Cluster rows by their direction: Lloyd's k-means on rows scaled to unit length.

    On the unit sphere the squared distance is 2 − 2·cosine, so this is k-means with cosine distance (PruSC, arXiv
    2407.14974). Equal seeds give identical results.

    Args:
        features: representations, [n, d]; a row of zeros has no direction and stays at the origin.
        k: number of clusters, 1 ≤ k ≤ n.
        seed: seed of the first centres (k-means++).
        restarts: runs from new centres; the one with the lowest inertia wins.
        max_iterations: maximum number of iterations per run.

    Raises:
        StageError: a feature is not finite, or k exceeds n.
    """
    return _numbered_by_size(_kmeans(unit_rows(features), k, seed, restarts, max_iterations, "samples"))


def kmeans_per_class(
    features: Floats, labels: Integers, n_classes: int, k: int, *, seed: int, restarts: int, max_iterations: int
) -> Clusters:
    """Cluster every class separately: cluster c·k + j is the j-th largest of class c.

    Args:
        features: representations, [n, d].
        labels: class of every sample, 0 ≤ value < n_classes, [n].
        n_classes: number of classes.
        k: clusters in each class; the result has n_classes · k.
        seed: each class has its own random stream derived from this seed.
        restarts: as in `spherical_kmeans`.
        max_iterations: as in `spherical_kmeans`.

    Raises:
        StageError: a feature is not finite, or a class has fewer than k samples.
    """
    unit = unit_rows(features)
    assignments = np.empty(len(unit), dtype=np.int64)
    parts = []
    for c in range(n_classes):
        members = np.flatnonzero(labels == c)
        part = _numbered_by_size(
            _kmeans(unit[members], k, (seed, c), restarts, max_iterations, f"samples of class number {c}")
        )
        assignments[members] = c * k + part.assignments
        parts.append(part)
    return Clusters(
        assignments=assignments,
        centres=np.concatenate([part.centres for part in parts]),
        k=n_classes * k,
        inertia=sum(part.inertia for part in parts),
        iterations=max(part.iterations for part in parts),
        empty=sum(part.empty for part in parts),
    )


def nearest(features: Floats, centres: Floats) -> Integers:
    """Cluster of further samples: the nearest centre to each row scaled to unit length, [m].

    Args:
        features: representations, [m, d].
        centres: of the clusters, [k, d].

    Raises:
        StageError: a feature is not finite.
    """
    # |x − c|² = 1 − 2 x·c + |c|², of which the first term is the same for all centres.
    found: Integers = (unit_rows(features) @ centres.T - np.square(centres).sum(axis=1) / 2).argmax(axis=1)
    return found


def random_clusters(n: int, k: int, *, seed: int) -> Integers:
    """Assign n samples to k clusters at random, with sizes that differ by at most one: a control for k-means.

    Returns:
        Cluster of every sample, [n].

    Raises:
        StageError: k exceeds n.
    """
    _require_enough(n, k, "samples")
    return np.random.default_rng(seed).permutation(np.arange(n, dtype=np.int64) % k)


def unit_rows(features: Floats) -> Floats:
    """Return a copy of the rows [n, d], each scaled to unit length; rows of zeros stay.

    Raises:
        StageError: a feature is not finite.
    """
    if features.ndim != 2 or features.shape[1] == 0:
        raise ValueError(f"features must be [n, d] with d ≥ 1, not {features.shape}")
    with np.errstate(over="ignore"):
        length = np.sqrt(np.einsum("nd,nd->n", features, features))
    # Squares of such rows neither overflow nor lose digits. A length that is not a number is not between the two.
    if ((length > 1e-12) & (length < 1e12)).all():
        scaled: Floats = np.divide(features, length[:, None], dtype=np.float32, order="C")
        return scaled
    # Dividing by the largest entry first keeps the squares of very large and very small features within float32.
    peak = np.maximum(features.max(axis=1), -features.min(axis=1))
    broken = len(peak) - int(np.isfinite(peak).sum())
    if broken:
        raise StageError(
            f"the representation of {broken:,} of {len(peak):,} samples is not finite",
            "the network has diverged: lower erm.lr, or cluster an earlier checkpoint (represent.checkpoints)",
        )
    peak[peak == 0] = 1
    unit: Floats = np.divide(features, peak[:, None], dtype=np.float32, order="C")
    length = np.sqrt(np.einsum("nd,nd->n", unit, unit))
    length[length == 0] = 1
    unit /= length[:, None]
    return unit


def _require_enough(n: int, k: int, what: str) -> None:
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    if k > n:
        raise StageError(f"{k} clusters need at least as many {what}, but there are {n:,}", "set a smaller cluster.k")


def _kmeans(
    unit: Floats, k: int, seed: int | tuple[int, int], restarts: int, max_iterations: int, what: str
) -> Clusters:
    """K-means on rows of unit length, which it may modify in place."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    _require_enough(len(unit), k, what)
    # scikit-learn takes a RandomState or a 32-bit seed; the seeds of a run have 63 bits.
    random_state = np.random.RandomState(np.random.MT19937(np.random.SeedSequence(seed)))
    model = KMeans(k, n_init=restarts, max_iter=max_iterations, random_state=random_state, copy_x=False)
    # scikit-learn adds the sums of its threads in the order in which they finish. One thread gives the same bits on
    # every machine, is at most a quarter slower than two, and does not wait for the cores of other runs.
    with _native_threads().limit(limits=1, user_api="openmp"), warnings.catch_warnings():
        # It warns about fewer distinct rows than clusters; `empty` reports that.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(unit)
    assignments = model.labels_.astype(np.int64)
    return Clusters(
        assignments=assignments,
        centres=model.cluster_centers_,
        k=k,
        inertia=float(model.inertia_),
        iterations=int(model.n_iter_),
        empty=int((np.bincount(assignments, minlength=k) == 0).sum()),
    )


@cache
def _native_threads() -> Any:
    """Controller of the thread pools of native libraries; finding them takes longer than a small clustering."""
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

    return ThreadpoolController()


def _numbered_by_size(clusters: Clusters) -> Clusters:
    """Renumber clusters, largest first; ties in the order of their first samples."""
    k, n = clusters.k, len(clusters.assignments)
    first = np.full(k, n, dtype=np.int64)
    present, where = np.unique(clusters.assignments, return_index=True)
    first[present] = where
    order = np.lexsort((first, -np.bincount(clusters.assignments, minlength=k)))
    number = np.empty(k, dtype=np.int64)
    number[order] = np.arange(k)
    return Clusters(
        number[clusters.assignments],
        clusters.centres[order],
        k,
        clusters.inertia,
        clusters.iterations,
        clusters.empty,
    )
