"""Maps of the representation: a subsample of the training images in two dimensions, with values for colouring."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from core.clustering.kmeans import Floats, Integers, unit_rows
from core.data.dataset import DataSet, groups
from core.explore.pictures import Map
from core.groups import group_names

MOST = 2000
"""Maximum number of images on a map."""
LEAST = 20
"""Minimum number of images of every cell (cluster, label), if the cell has them and the map has room."""

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Painted:
    """Values by which the training images are coloured: class, cluster, group and correctness of each image, [n].

    Groups are None if the data set has no attributes. `correct` is whether the clustered network classifies the image
    correctly; None if unknown.
    """

    labels: Integers
    clusters: Integers
    groups: Integers | None
    correct: NDArray[np.bool_] | None
    label_names: tuple[str, ...]
    group_names: tuple[str, ...]

    def cells(self) -> Integers:
        """Index of the cell (cluster, label) of every image, [n]; without empty cells, by cluster, then label."""
        cell: Integers = np.unique(self.clusters * len(self.label_names) + self.labels, return_inverse=True)[1]
        return cell


def paint(dataset: DataSet, clusters: Integers, predicted: Integers | None) -> Painted:
    """Collect these values; clusters and, if known, predicted classes of every training image are [n]."""
    train = dataset.splits["train"]
    return Painted(
        labels=train.labels,
        clusters=clusters,
        groups=groups(train, dataset) if dataset.attributes else None,
        correct=None if predicted is None else predicted == train.labels,
        label_names=tuple(dataset.label_names),
        group_names=tuple(group_names(dataset.label_names, dataset.attributes) if dataset.attributes else ()),
    )


def subsample(painted: Painted, seed: int, most: int = MOST, least: int = LEAST) -> Integers:
    """Draw images for a map, in increasing order: stratified by cell (cluster, label), with a minimum of each.

    There are at most `most`, and at least `least` of every cell; fewer if the cell is smaller or there are too many
    cells.
    """
    cell = painted.cells()
    counts = np.bincount(cell)
    if len(cell) <= most:
        return np.arange(len(cell), dtype=np.int64)
    sure = np.minimum(counts, min(least, most // len(counts)))
    # The rest is drawn in proportion to what is left of the cells; the largest remainders are rounded up.
    rest = counts - sure
    wanted = rest * ((most - sure.sum()) / rest.sum())
    takes = sure + wanted.astype(np.int64)
    ahead = np.argsort(takes - sure - wanted, kind="stable")
    takes[ahead[: most - takes.sum()]] += 1
    return np.flatnonzero(places(cell, seed) < takes[cell])


def places(cell: Integers, seed: int) -> Integers:
    """Shuffle every cell and return the position of each sample in its cell, [n], counted from 0.

    `cell` is the index of the cell of every sample, without gaps, [n].
    """
    shuffled = np.random.default_rng(seed).permutation(len(cell))
    by_cell = shuffled[np.argsort(cell[shuffled], kind="stable")]
    counts = np.bincount(cell)
    place = np.empty(len(cell), dtype=np.int64)
    place[by_cell] = np.arange(len(cell)) - np.repeat(counts.cumsum() - counts, counts)
    return place


def principal_components(rows: Floats, dims: int) -> tuple[Doubles, Doubles]:
    """Project rows [n, d] onto their principal components; surplus components are 0.

    The sign of each component makes its largest loading positive. Returns coordinates [n, dims], and the share of
    variance explained by each component, [dims].
    """
    centred = rows.astype(np.float64)
    centred -= centred.mean(axis=0)
    n, d = centred.shape
    # XᵀX and XXᵀ have the same nonzero eigenvalues; the smaller matrix is much cheaper.
    values, vectors = np.linalg.eigh(centred.T @ centred if d <= n else centred @ centred.T)
    found = min(dims, len(values))
    loadings = vectors[:, ::-1][:, :found]
    if d > n:
        loadings = centred.T @ loadings
        loadings /= np.maximum(np.linalg.norm(loadings, axis=0), np.finfo(np.float64).tiny)
    loadings = loadings * np.where(loadings[np.abs(loadings).argmax(axis=0), np.arange(found)] < 0, -1.0, 1.0)
    coordinates, explained = np.zeros((n, dims)), np.zeros(dims)
    coordinates[:, :found] = centred @ loadings
    total = max(float(np.square(centred).sum()), np.finfo(np.float64).tiny)
    explained[:found] = np.maximum(values[::-1][:found], 0) / total
    return coordinates, explained


def pca_map(features: Floats, painted: Painted, epoch: float, seed: int) -> Map:
    """Make the map of the first two principal components, with rows of unit length as in clustering.

    Features are the representations of all training images at `epoch`, [n, d]; the seed is that of the subsample.
    """
    index = subsample(painted, seed)
    xy, explained = principal_components(unit_rows(features[index]), 2)
    return Map(
        method="pca",
        epoch=epoch,
        explained=explained.round(4).tolist(),
        index=index.tolist(),
        x=xy[:, 0].round(4).tolist(),
        y=xy[:, 1].round(4).tolist(),
        label=painted.labels[index].tolist(),
        cluster=painted.clusters[index].tolist(),
        group=None if painted.groups is None else painted.groups[index].tolist(),
        correct=None if painted.correct is None else painted.correct[index].astype(int).tolist(),
        labels=list(painted.label_names),
        groups=list(painted.group_names),
    )


def tsne_map(rows: Floats, pca: Map, seed: int) -> Map:
    """Make the map of the same images by t-SNE (van der Maaten 2008) on at most 50 principal components.

    Args:
        rows: representations of the images on the map, [mapped, d].
        pca: their map by `pca_map`.
        seed: seed of t-SNE.
    """
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    reduced, _ = principal_components(unit_rows(rows), min(50, rows.shape[1]))
    # One thread: maps are made while runs work, and sums over several threads differ in their last bits.
    with threadpool_limits(1):
        tsne = TSNE(2, perplexity=min(30.0, max(1.0, (len(rows) - 1) / 3)), init="pca", random_state=seed % 2**32)
        xy = tsne.fit_transform(reduced.astype(np.float32)).astype(np.float64).round(2)
    return replace(pca, method="tsne", explained=[], x=xy[:, 0].tolist(), y=xy[:, 1].tolist())


def write_map(path: Path, value: Map) -> None:
    """Write a map as one line of JSON."""
    path.write_bytes(orjson.dumps(value))
