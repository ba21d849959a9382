"""Runs whose images can be looked at, and the panel that shows them."""

import sys
from dataclasses import replace
from functools import partial

import numpy as np

from core.artifacts import MODEL, predictions_file
from core.explore.look import Counts, Look, Seen, counts_file, look_file, write_counts, write_look
from core.feed.feed import RunFeed
from prusc_tui.views.look import VIEW
from tests.tui import panel_lab
from tests.tui.lab import LABELS, NOW, all_read, finished_run

STAGES = ("erm", "finetune")
WORST = 1
"""The worst group of ERM in `finished_run`: 0–4 · green."""
CELLS = tuple(f"{label} · cluster {cluster}" for label in LABELS for cluster in (0, 1))


def look_of(n=16, by="erm", total=50, side=24):
    """`n` images of a group: grey towards a corner; the first network looks left, the second one right."""
    ramp = np.linspace(0, 127, side).astype(np.uint8)
    images = np.broadcast_to((ramp[:, None] + ramp)[None, :, :, None], (n, side, side, 3)).copy()
    maps = np.zeros((2, n, side, side), np.uint8)
    maps[0, :, :, : side // 2] = maps[1, :, :, side // 2 :] = 255
    seen = tuple(Seen(100 + i, 0, "0–4 · green", (1, 0), (round(0.99 - i / 100, 2), 0.7)) for i in range(n))
    counted = (30, 45)
    return Look("test", "group", "0–4 · green", STAGES, by, "none", "last", total, counted, LABELS, seen, images, maps)


class Looked:
    """A finished run with two evaluated networks."""

    def __init__(self, home, networks=STAGES, **fields):
        self.folder = finished_run(home, **fields)
        for stage in networks:
            folder = self.folder.artifacts(stage)
            folder.mkdir(parents=True)
            for file in (folder / MODEL, predictions_file(folder, "test"), predictions_file(folder, "validation")):
                file.touch()
        (self.folder.path / "views").mkdir()
        self.feed = RunFeed(self.folder, lambda: NOW)

    def store(self, look, number=WORST):
        write_look(look_file(self.folder, "group", number, STAGES, look.by), look)

    def count_cells(self):
        counts = Counts("cell", CELLS, (40, 20, 15, 5), {"erm": (38, 6, 12, 0), "finetune": (36, 15, 13, 4)})
        write_counts(counts_file(self.folder, "cell", STAGES), counts)

    def store_cell(self, number):
        look = replace(look_of(2), split="validation", kind="cell", title=CELLS[number], total=2)
        write_look(look_file(self.folder, "cell", number, STAGES, "erm"), look)


class Asked:
    """Processes that are asked for: each waits for leave, and then does what `answer` does, in this process.

    Attributes:
        words: of each, in their order.
        sentence: with which they fail, unless it is empty.
    """

    def __init__(self, monkeypatch):
        from experiments import subprocesses

        self.words, self.answer, self.sentence, self.out = [], None, "", "{}"
        self.start = subprocesses.start
        monkeypatch.setattr(subprocesses, "start", self._start)

    def _start(self, module, *words, **options):
        self.words.append(words)
        if self.answer is not None and not self.sentence:
            self.answer(words)
        code = f"import sys; sys.exit({'error: ' + self.sentence!r})" if self.sentence else f"print({self.out!r})"
        return self._process(code, options)

    def _process(self, code, options):
        import subprocess

        return subprocess.Popen(
            [sys.executable, "-S", "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )


class Reading(panel_lab.Opened):
    """Waits after each key until all files that it asks for are read."""

    async def press(self, *keys):
        await super().press(*keys)
        await all_read(self.pilot)
        await self.pilot.pause()


opened = partial(panel_lab.opened, VIEW, hand=Reading)
