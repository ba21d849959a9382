import numpy as np
import pytest

from core.data.dataset import DataSet, Split
from core.events import PseudoGroupsFound, decode
from core.explore.map import Painted, paint, pca_map, places, principal_components, subsample, tsne_map


def painted(clusters, labels, n_labels: int = 2) -> Painted:
    names = tuple("abcdefgh"[:n_labels])
    return Painted(np.asarray(labels), np.asarray(clusters), None, None, names, ())


def cloud(n: int = 300, d: int = 5, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, d)) * np.arange(d, 0, -1) + 3).astype(np.float32)


# The subsample


def test_everything_is_drawn_where_it_fits():
    np.testing.assert_array_equal(subsample(painted([0, 1, 1], [0, 0, 1]), seed=0, most=3), [0, 1, 2])


def test_small_cells_keep_some_and_the_rest_goes_by_share():
    sizes = np.array([[6000, 300], [2, 3698]])
    cluster, label = (np.repeat(axis.ravel(), sizes.ravel()) for axis in np.indices(sizes.shape))
    drawn = subsample(painted(cluster, label), seed=3, most=1000, least=20)
    assert len(drawn) == 1000 == len(set(drawn.tolist()))
    assert (np.diff(drawn) > 0).all()
    taken = np.zeros_like(sizes)
    np.add.at(taken, (cluster[drawn], label[drawn]), 1)
    assert taken[1, 0] == 2  # as many as there are
    # 20 each, and the other 938 by what is left of the cells: 5980, 280 and 3678 of 9938.
    np.testing.assert_allclose(taken.ravel()[[0, 1, 3]], [20 + 564.4, 20 + 26.4, 20 + 347.1], atol=1)


def test_more_cells_than_room_still_gives_a_full_map():
    clusters = np.arange(50).repeat(2)
    assert len(subsample(painted(clusters, np.zeros(100, dtype=int)), seed=0, most=30)) == 30


def test_the_draw_is_random_within_a_cell_and_follows_the_seed():
    cell = painted(np.zeros(5000, dtype=int), np.zeros(5000, dtype=int))
    first, again, other = (subsample(cell, seed=s, most=500) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert set(first) != set(other)
    assert 2000 < first.mean() < 3000  # not the first ones


def test_places_are_a_permutation_within_every_cell():
    cell = np.array([1, 0, 1, 1, 0])
    place = places(cell, seed=0)
    assert sorted(place[cell == 0]) == [0, 1]
    assert sorted(place[cell == 1]) == [0, 1, 2]


# Principal components


@pytest.mark.parametrize("shape", [(300, 5), (20, 60)], ids=["tall", "wide"])
def test_components_are_those_of_the_singular_value_decomposition(shape):
    rows = cloud(*shape)
    xy, explained = principal_components(rows, 2)
    centred = rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64)
    u, s, vt = np.linalg.svd(centred, full_matrices=False)
    signs = np.sign([row[np.abs(row).argmax()] for row in vt[:2]])
    np.testing.assert_allclose(xy, (u * s)[:, :2] * signs, atol=1e-6)
    np.testing.assert_allclose(explained, (s**2 / (s**2).sum())[:2], rtol=1e-9)


def test_components_that_the_rows_do_not_have_are_zero():
    xy, explained = principal_components(np.array([[1.0], [3.0]], dtype=np.float32), 2)
    np.testing.assert_allclose(xy, [[-1, 0], [1, 0]])
    np.testing.assert_allclose(explained, [1, 0])
    xy, explained = principal_components(np.ones((4, 3), dtype=np.float32), 2)
    assert not xy.any()
    assert not explained.any()


def test_clusters_in_direction_lie_apart_whatever_their_length():
    rng = np.random.default_rng(0)
    clusters = np.arange(90) % 3
    rows = (np.eye(3, 6)[clusters] + 0.05 * rng.normal(size=(90, 6))) * rng.uniform(0.1, 100, size=(90, 1))
    value = pca_map(rows.astype(np.float32), painted(clusters, clusters, 3), 1.0, seed=0)
    points = np.column_stack([value.x, value.y])
    centres = np.array([points[clusters == c].mean(axis=0) for c in range(3)])
    nearest = np.linalg.norm(points[:, None] - centres, axis=2).argmin(axis=1)
    np.testing.assert_array_equal(nearest, clusters)


def test_tsne_keeps_clusters_apart_and_follows_the_seed():
    rng = np.random.default_rng(0)
    clusters = np.arange(60) % 3
    rows = (np.eye(3, 6)[clusters] + 0.05 * rng.normal(size=(60, 6))).astype(np.float32)
    pca = pca_map(rows, painted(clusters, clusters, 3), 1.0, seed=5)
    assert pca.index == list(range(60))
    value = tsne_map(rows, pca, seed=5)
    points = np.column_stack([value.x, value.y])
    distance = np.linalg.norm(points[:, None] - points, axis=2) + 1e9 * np.eye(60)
    assert (clusters[distance.argmin(axis=1)] == clusters).all()
    assert value.explained == []
    assert tsne_map(rows, pca, seed=5) == value
    assert (value.index, value.cluster, value.label) == (pca.index, pca.cluster, pca.label)


# What it is coloured by


def data(attributes: dict[str, tuple[str, ...]]) -> DataSet:
    columns = np.array([[1], [0], [1], [0]])[:, : len(attributes)]
    images = np.zeros((4, 1, 2, 2), dtype=np.uint8)
    split = Split(images, np.array([0, 0, 1, 1]), columns, np.arange(4))
    return DataSet("toy", ("yes", "no"), attributes, {"train": split}, (0.0,), (1.0,), "f")


def test_a_map_says_label_cluster_group_and_correctness_of_every_image():
    toy = paint(data({"colour": ("red", "blue")}), np.array([1, 1, 0, 0]), np.array([0, 1, 1, 0]))
    value = pca_map(cloud(4), toy, 0.5, seed=0)
    assert value.index == [0, 1, 2, 3]
    assert value.label == [0, 0, 1, 1]
    assert value.cluster == [1, 1, 0, 0]
    assert [value.groups[g] for g in value.group] == ["yes · blue", "yes · red", "no · blue", "no · red"]
    assert value.correct == [1, 0, 1, 0]
    assert (value.labels, value.epoch, value.method) == (["yes", "no"], 0.5, "pca")


def test_without_attributes_and_predictions_a_map_says_so():
    value = pca_map(cloud(4), paint(data({}), np.zeros(4, dtype=np.int64), None), 1.0, seed=0)
    assert value.group is value.correct is None
    assert value.groups == []


def test_a_stream_of_an_older_version_has_no_groups():
    stamped = decode(b'{"kind":"clustered","t":1.0,"stage":"cluster","labels":["a"],"table":[[1],[2]]}')
    assert stamped is not None
    assert stamped.event == PseudoGroupsFound("cluster", ["a"], [[1], [2]], [], [])
