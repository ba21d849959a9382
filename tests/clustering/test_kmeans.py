import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from core.clustering.kmeans import Clusters, kmeans_per_class, random_clusters, spherical_kmeans
from core.errors import StageError


def cluster(features: np.ndarray, k: int, seed: int = 0, max_iterations: int = 100) -> Clusters:
    return spherical_kmeans(features, k, seed=seed, restarts=4, max_iterations=max_iterations)


def bundles(sizes: tuple[int, ...], d: int = 8, noise: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """Rows along one axis each, of lengths from 0.1 to 100, in mixed order; and which axis."""
    rng = np.random.default_rng(7)
    truth = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    rows = np.eye(d)[truth] + noise * rng.normal(size=(len(truth), d))
    return (rows * 10 ** rng.uniform(-1, 2, size=(len(truth), 1))).astype(np.float32), truth


def test_separated_directions_are_found_exactly_and_numbered_by_size():
    features, truth = bundles((50, 90, 70))
    found = cluster(features, 3)
    assert adjusted_rand_score(truth, found.assignments) == 1.0
    assert np.bincount(found.assignments).tolist() == [90, 70, 50]
    assert found.assignments.dtype == np.int64
    assert found.empty == 0


def test_opposite_directions_are_told_apart_and_a_ray_is_one_cluster():
    scale = np.linspace(0.01, 1000, 40, dtype=np.float32)[:, None]
    ray = scale * np.array([[3.0, 4.0]], dtype=np.float32)
    found = cluster(np.concatenate([ray, -ray[:30]]), 2)
    assert found.assignments.tolist() == [0] * 40 + [1] * 30
    assert found.inertia == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(found.centres, [[0.6, 0.8], [-0.6, -0.8]], atol=1e-6)


def test_centres_are_the_means_of_unit_rows_and_inertia_sums_their_distances():
    features = np.random.default_rng(0).normal(size=(300, 5)).astype(np.float32)
    found = cluster(features, 4, max_iterations=300)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    plain = np.stack([unit[found.assignments == c].mean(axis=0) for c in range(4)])
    # The last assignment may follow the last update of the centres by a move within k-means' own tolerance.
    np.testing.assert_allclose(found.centres, plain, atol=0.02)
    distances = ((unit[:, None] - found.centres) ** 2).sum(axis=2)
    assert (distances.argmin(axis=1) == found.assignments).all()
    assert found.inertia == pytest.approx(distances.min(axis=1).sum(), rel=1e-5)


@pytest.mark.parametrize("scale", [1e-30, 3.0, 1e30])
def test_scaling_rows_changes_nothing(scale: float):
    features, _ = bundles((40, 60), noise=0.4)
    rows = np.random.default_rng(1).uniform(0.5, 2, size=(100, 1))
    scaled = (features * rows * scale).astype(np.float32)
    assert (cluster(features, 2).assignments == cluster(scaled, 2).assignments).all()


def test_permuting_samples_permutes_the_answer():
    features, _ = bundles((40, 60, 80))
    order = np.random.default_rng(2).permutation(180)
    assert (cluster(features, 3).assignments[order] == cluster(features[order], 3).assignments).all()


def test_equal_seeds_give_equal_bits_and_features_are_left_alone():
    features = np.random.default_rng(3).normal(size=(5000, 16)).astype(np.float32)
    before = features.copy()
    one, two, other = cluster(features, 8), cluster(features, 8), cluster(features, 8, seed=2**63 - 1)
    assert one.assignments.tobytes() == two.assignments.tobytes()
    assert one.centres.tobytes() == two.centres.tobytes()
    assert one.assignments.tobytes() != other.assignments.tobytes()
    assert (features == before).all()


def test_many_threads_give_the_bits_of_one_run():
    program = """
import numpy as np
from core.clustering.kmeans import spherical_kmeans
x = np.random.default_rng(3).normal(size=(20_000, 32)).astype(np.float32)
runs = [spherical_kmeans(x, 8, seed=0, restarts=1, max_iterations=30) for _ in range(5)]
print(len({run.centres.tobytes() for run in runs}))
"""
    environment = os.environ | {"OMP_NUM_THREADS": "8"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


def test_fewer_distinct_rows_than_clusters_end_with_empty_clusters_and_no_warning():
    features = np.repeat(np.eye(3, dtype=np.float32), [5, 9, 7], axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = cluster(features, 6)
    assert adjusted_rand_score(np.repeat([0, 1, 2], [5, 9, 7]), found.assignments) == 1.0
    assert found.empty == 3
    assert np.bincount(found.assignments, minlength=6).tolist() == [9, 7, 5, 0, 0, 0]
    assert found.centres.shape == (6, 3)
    assert np.isfinite(found.centres).all()


def test_rows_of_zeros_stay_at_the_origin_and_cluster_together():
    features = np.concatenate([np.zeros((20, 4)), np.tile([[0, 0, 5.0, 0]], (10, 1))]).astype(np.float32)
    found = cluster(features, 2)
    assert found.assignments.tolist() == [0] * 20 + [1] * 10
    np.testing.assert_allclose(found.centres, [[0, 0, 0, 0], [0, 0, 1, 0]], atol=1e-6)
    only_zeros = cluster(np.zeros((10, 4), dtype=np.float32), 3)
    assert only_zeros.empty == 2


def test_as_many_clusters_as_samples_give_each_its_own():
    found = cluster(np.eye(5, dtype=np.float32), 5)
    assert sorted(found.assignments) == [0, 1, 2, 3, 4]


def test_more_clusters_than_samples_are_refused_with_what_to_try():
    with pytest.raises(
        StageError, match=r"6 clusters need at least as many samples, but there are 5; set a smaller cluster\.k"
    ):
        cluster(np.eye(5, dtype=np.float32), 6)
    with pytest.raises(StageError, match="there are 0"):
        cluster(np.zeros((0, 5), dtype=np.float32), 2)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_features_that_are_not_finite_are_counted_and_refused(value: float):
    features = np.ones((6, 3), dtype=np.float32)
    features[[1, 4], 2] = value
    with pytest.raises(StageError, match=r"2 of 6 samples is not finite; .*erm\.lr"):
        cluster(features, 2)


def test_clusters_per_class_are_numbered_class_by_class():
    features, axis = bundles((50, 30, 60, 20))
    labels = axis // 2  # class 0 holds axes 0 and 1, class 1 holds 2 and 3
    found = kmeans_per_class(features, labels, 2, 2, seed=0, restarts=4, max_iterations=100)
    assert (found.assignments == axis).all()
    assert found.k == 4
    np.testing.assert_allclose(found.centres, np.eye(8)[:4], atol=0.05)
    assert found.inertia == pytest.approx(cluster(features, 4).inertia, rel=1e-4)


def test_a_class_with_fewer_samples_than_clusters_is_named():
    with pytest.raises(StageError, match="3 clusters need at least as many samples of class number 1, but there are 2"):
        kmeans_per_class(
            np.eye(5, dtype=np.float32), np.array([0, 0, 0, 1, 1]), 2, 3, seed=0, restarts=1, max_iterations=10
        )


def test_random_clusters_are_level_reproducible_and_know_nothing_of_the_order():
    found = random_clusters(1003, 4, seed=5)
    assert sorted(np.bincount(found)) == [250, 251, 251, 251]
    assert (found == random_clusters(1003, 4, seed=5)).all()
    assert (found != random_clusters(1003, 4, seed=6)).any()
    assert len(set(found[:20])) > 1
    with pytest.raises(StageError, match="4 clusters"):
        random_clusters(3, 4, seed=0)
