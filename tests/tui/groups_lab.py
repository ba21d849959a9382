"""Runs that have got as far as their pseudo-groups, and the panel that shows them."""

from dataclasses import replace
from functools import partial

import numpy as np

from core.data.dataset import DataSet, Split
from core.events import Balanced, Choice, PseudoGroupsFound, RunStarted, StageFinished, StageStarted, Warned
from core.explore.map import paint, pca_map, write_map
from core.explore.samples import Seen, write_conflicts, write_samples
from core.feed.feed import RunFeed
from core.runs.alive import here
from core.runs.home import Home
from core.runs.record import StageRecord
from core.runs.stream import EventWriter
from prusc_tui.views.groups import VIEW
from tests.tui import panel_lab
from tests.tui.lab import NOW, put, record_of

LABELS, COLOURS = ("0–4", "5–9"), ("red", "green")
N = 120
REASON = "k = 2 at epoch 0.5 gives the largest balanced set (60) among 2 of 2 candidates with skew ≥ 0.80"


def toy(attributes=True):
    """A data set of 120 images: red and green squares, the colour mostly that of the label."""
    labels = np.arange(N) % 2
    colour = np.where(np.arange(N) % 10 < 8, labels, 1 - labels)
    images = np.zeros((N, 3, 8, 8), dtype=np.uint8)
    images[np.arange(N), colour, 2:6, 2:6] = 250
    columns = colour[:, None] if attributes else np.zeros((N, 0), dtype=np.int64)
    split = Split(images, labels, columns, np.arange(N))
    names = {"colour": COLOURS} if attributes else {}
    return DataSet("toy", LABELS, names, {"train": split}, (0.0,) * 3, (1.0,) * 3, "f"), colour


FOUND_STAGES = ("erm", "biased", "find", "balance", "prune", "finetune")


class Run:
    """A run on disk by an earlier version that has got as far as its clusters."""

    stage = "cluster"

    def __init__(self, tmp_path, *, stored=True, attributes=True, done=True):
        self.folder = put(Home.open(tmp_path), self.record() if done else self.record(status="running", **here()))
        self.data, self.clusters = toy(attributes)
        self.painted = paint(self.data, self.clusters, self.data.splits["train"].labels.copy())
        rng = np.random.default_rng(0)
        self.features = (np.eye(2, 6)[self.clusters] + 0.1 * rng.normal(size=(N, 6))).astype(np.float32)
        if stored:
            self.store()
        self.tell(attributes, done)
        self.feed = RunFeed(self.folder, lambda: NOW)

    def record(self, **fields):
        return record_of(**fields)

    def store(self):
        artifacts = self.folder.artifacts(self.stage)
        artifacts.mkdir(parents=True)
        write_map(artifacts / "map-pca.json", pca_map(self.features, self.painted, 0.5, 0))
        write_samples(artifacts, self.data.splits["train"].images, self.painted, 0)

    def tsne(self):
        """A map that says it is by t-SNE: how it was made is the engine's affair."""
        return replace(pca_map(self.features, self.painted, 0.5, 0), method="tsne", explained=[])

    def tell(self, attributes, done):
        labels = self.data.splits["train"].labels
        table = [[int(((self.clusters == c) & (labels == y)).sum()) for y in (0, 1)] for c in (0, 1)]
        groups = [f"{label} · {colour}" for label in LABELS for colour in COLOURS] if attributes else []
        by_group = [[table[0][0], 0, table[0][1], 0], [0, table[1][0], 0, table[1][1]]] if attributes else []
        tries = [{"epoch": 0.5, "k": 2, "size": 48, "skew": 0.8}, {"epoch": 1.0, "k": 2, "size": 20, "skew": 0.9}]
        with EventWriter(self.folder.events) as writer:
            writer.write(RunStarted(1, "here", "cpu", False), NOW)
            writer.write(StageStarted("cluster", 2), NOW)
            writer.write(Choice("cluster", tries, 0, REASON), NOW)
            writer.write(PseudoGroupsFound("cluster", list(LABELS), table, groups, by_group), NOW)
            if done:
                writer.write(StageFinished("cluster", 1.0), NOW)
                writer.write(Balanced("balance", "min", 48, [[12, 12], [12, 12]]), NOW)
                writer.write(Warned("balance", "small-balanced-set", "Class '0–4' has \x1b[31m few [red]samples."), NOW)
                writer.write(Warned("prune", "nothing-pruned", "Keep ratio is still 100 %."), NOW)


class FoundRun(Run):
    """A run whose pseudo-groups were found by a biased network, with the network's confidence and its conflicts."""

    stage = "find"

    def record(self, **fields):
        return record_of(stages=tuple(StageRecord(name) for name in FOUND_STAGES), **fields)

    def store(self):
        artifacts = self.folder.artifacts(self.stage)
        artifacts.mkdir(parents=True)
        labels = self.data.splits["train"].labels
        conflicts = self.clusters != labels  # 24 of 120
        # Wrong about every conflict sample, the surer the later it comes; right about all others.
        seen = Seen(conflicts, self.clusters, np.linspace(0.5, 0.99, N).astype(np.float32))
        images = self.data.splits["train"].images
        write_map(artifacts / "map-pca.json", pca_map(self.features, self.painted, float("nan"), 0))
        write_samples(artifacts, images, self.painted, 0, seen)
        write_conflicts(artifacts, images, self.painted, seen)

    def tell(self, attributes, done):
        labels = self.data.splits["train"].labels
        names = [f"predicted {label}" for label in LABELS]
        table = [[int(((self.clusters == c) & (labels == y)).sum()) for y in (0, 1)] for c in (0, 1)]
        found = PseudoGroupsFound(
            "find",
            list(LABELS),
            [*table, [0, 0]],
            source="biased networks, 1 round",
            names=[*names, "predicted nothing"],
            conflicts={"found": 24, **({"true": 30, "hits": 24} if attributes else {})},
            quality={"worst_cell": 0.211, "probed": 0.842, "average": 0.951},
            tried=[
                {"stage": "biased", "source": "biased networks, 1 round"},
                {"stage": "errors", "source": "mistakes"},
            ],
            reason="biased was chosen from 2 finders",
        )
        with EventWriter(self.folder.events) as writer:
            writer.write(RunStarted(1, "here", "cpu", False), NOW)
            writer.write(Warned("biased", "slow", "The biased network is slow."), NOW)
            writer.write(StageStarted("find", 2), NOW)
            writer.write(found, NOW)
            if done:
                writer.write(StageFinished("find", 1.0), NOW)


opened = partial(panel_lab.opened, VIEW)


def braille(text):
    return any(0x2800 < ord(character) < 0x2900 for character in text)
