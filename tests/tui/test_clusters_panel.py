"""The clusters panel: table, map and images of a run, by key and by mouse, at every size."""

import sys
import threading

import numpy as np
import orjson
import pytest
from textual.app import App

from core.clustering.map import paint, pca_map, write_map
from core.clustering.samples import write_samples
from core.data.dataset import DataSet, Split
from core.events import Balanced, Choice, Clustered, RunStarted, StageFinished, StageStarted, Warned
from core.runs.alive import here
from core.runs.feed import RunFeed
from core.runs.home import Home
from core.runs.stream import EventWriter
from experiments import maps
from prusc_tui.draw.heat import columns_for, heat_table, short
from prusc_tui.palette import SHELL
from prusc_tui.screens.run.clusters import ClustersPanel
from prusc_tui.widgets.drawing import Drawing
from prusc_tui.widgets.heat_table import HeatTable
from prusc_tui.widgets.scatter import Scatter
from prusc_tui.widgets.tiles import Tiles
from tests.tui.lab import NOW, put, record_of, rows, until

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


class Run:
    """A run on disk that has got as far as its clusters."""

    def __init__(self, tmp_path, *, stored=True, attributes=True, done=True):
        self.folder = put(Home.open(tmp_path), record_of() if done else record_of(status="running", **here()))
        self.data, self.clusters = toy(attributes)
        self.painted = paint(self.data, self.clusters, self.data.splits["train"].labels.copy())
        rng = np.random.default_rng(0)
        self.features = (np.eye(2, 6)[self.clusters] + 0.1 * rng.normal(size=(N, 6))).astype(np.float32)
        if stored:
            self.store()
        self.tell(attributes, done)
        self.feed = RunFeed(self.folder, lambda: NOW)

    def store(self):
        artifacts = self.folder.artifacts("cluster")
        artifacts.mkdir(parents=True)
        write_map(artifacts / "map-pca.json", pca_map(self.features, self.painted, 0.5, 0))
        write_samples(artifacts, self.data.splits["train"].images, self.painted, 0)

    def tsne(self):
        """A map that says it is by t-SNE: how it was made is the engine's affair."""
        return {**pca_map(self.features, self.painted, 0.5, 0), "method": "tsne", "explained": []}

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
            writer.write(Clustered("cluster", list(LABELS), table, groups, by_group), NOW)
            if done:
                writer.write(StageFinished("cluster", 1.0), NOW)
                writer.write(Balanced("balance", "min", 48, [[12, 12], [12, 12]]), NOW)
                writer.write(Warned("balance", "small-balanced-set", "Class '0–4' has \x1b[31m few [red]samples."), NOW)
                writer.write(Warned("prune", "nothing-pruned", "Keep ratio is still 100 %."), NOW)


class Screen(App):
    palette = SHELL

    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def compose(self):
        yield ClustersPanel(self.folder)


class Opened:
    """The panel of a run in an app of its own."""

    def __init__(self, pilot, run):
        self.pilot, self.run = pilot, run
        self.panel = pilot.app.query_one(ClustersPanel)

    async def show(self):
        self.panel.focus()
        self.panel.show(self.run.feed.poll())
        await self.pilot.app.workers.wait_for_complete()
        await self.pilot.pause()
        await self.pilot.pause()

    async def press(self, *keys):
        await self.pilot.press(*keys)
        await self.pilot.pause()

    @property
    def text(self):
        return "\n".join(rows(self.pilot.app))

    def lines(self, kind):
        return self.pilot.app.query_one(kind).lines


def braille(text):
    return any(0x2800 < ord(character) < 0x2900 for character in text)


class opened:
    """Open the panel of a run in a terminal of that size."""

    def __init__(self, run, size=(120, 40)):
        self.run, self.context = run, Screen(run.folder).run_test(size=size)

    async def __aenter__(self):
        found = Opened(await self.context.__aenter__(), self.run)
        await found.show()
        return found

    async def __aexit__(self, *error):
        return await self.context.__aexit__(*error)


# What is there


async def test_clusters_are_told_by_group_with_choice_alarms_and_the_balanced_set(tmp_path):
    async with opened(Run(tmp_path)) as shown:
        table = shown.lines(HeatTable)
        text = " ".join(shown.text.split())
        assert "Why: k = 2 at epoch 0.5 gives the largest" in text
        assert "48 entries of 120 images" in text
        assert r"! Class '0–4' has \x1b[31m few [red]samples." in text
        assert "Keep ratio" not in text  # the alarm of another stage
    assert [row.split() for row in table[1:]] == [
        ["0–4", "5–9"],
        ["red", "green", "red", "green", "images", "largest", "balanced"],
        ["▸", "0", "48", "·", "12", "·", "60", "80", "%", "0–4", "24"],
        ["1", "·", "12", "·", "48", "60", "80", "%", "5–9", "24"],
    ]


async def test_the_map_and_the_images_are_read_and_drawn(tmp_path):
    async with opened(Run(tmp_path)) as shown:
        found, images = shown.lines(Scatter), shown.lines(Tiles)
        assert found[0].startswith("Map by PCA  by label · ")
        assert found[-1].split() == ["●", "0–4", "60", "○", "5–9", "60"]
        assert braille("".join(found[1:-1]))
        assert images[0].startswith("Cluster 0  60 images · 24 balanced · ✓ right ✗ wrong")
        assert images[1].startswith("0–4  48 images, 80 % · 12 balanced")
        assert "✓ red" in "".join(images)
        assert "green" not in "".join(images)
        # The very pixels: a red square on black.
        colours = {
            tuple(segment.style.bgcolor.triplet)
            for strip in shown.pilot.app.query_one(Tiles)._strips[2:4]
            for segment in strip
            if segment.style and segment.style.bgcolor
        }
        assert (250, 0, 0) in colours
        assert (0, 0, 0) in colours


async def test_without_attributes_there_are_classes_and_no_colour_by_group(tmp_path):
    async with opened(Run(tmp_path, attributes=False)) as shown:
        assert shown.lines(HeatTable)[0].startswith("Clusters by class")
        assert shown.lines(HeatTable)[2].split() == ["0–4", "5–9", "images", "largest", "balanced"]
        seen = []
        for _ in range(3):
            seen.append(shown.lines(Scatter)[0].split("by ")[2].split(" ·")[0])
            await shown.press("c")
        assert seen == ["label", "cluster", "correctness at epoch 0.5"]


# Keys and mouse


async def test_keys_choose_a_cluster_for_table_map_and_images(tmp_path):
    async with opened(Run(tmp_path)) as shown:
        before = shown.lines(Scatter)
        await shown.press("j")
        assert shown.panel.chosen == 1
        assert [row[0] for row in shown.lines(HeatTable)[3:]] == [" ", "▸"]
        assert shown.lines(Tiles)[0].startswith("Cluster 1  60 images")
        assert "✓ green" in "".join(shown.lines(Tiles))
        assert shown.lines(Scatter) == before  # the same dots, others stand out
        bold = {
            segment.style.bold
            for strip in shown.pilot.app.query_one(Scatter)._strips[1:-1]
            for segment in strip
            if segment.text.strip()
        }
        assert bold == {True, None}
        await shown.press("down", "j")
        assert shown.panel.chosen == 1  # there are only two
        await shown.press("k")
        assert shown.panel.chosen == 0
        await shown.press("up")
        assert shown.panel.chosen == 0


async def test_a_click_chooses_a_row(tmp_path):
    async with opened(Run(tmp_path)) as shown:
        await shown.pilot.click(HeatTable, offset=(10, 4))
        await shown.pilot.pause()
        assert shown.panel.chosen == 1
        assert shown.lines(Tiles)[0].startswith("Cluster 1")
        await shown.pilot.click(HeatTable, offset=(10, 1))  # a heading
        await shown.pilot.pause()
        assert shown.panel.chosen == 1


async def test_the_colour_goes_round(tmp_path):
    async with opened(Run(tmp_path)) as shown:
        legends = []
        for _ in range(5):
            legends.append(" ".join("".join(row for row in shown.lines(Scatter)[-2:] if not braille(row)).split()))
            await shown.press("c")
    assert legends == [
        "● 0–4 60 ○ 5–9 60",
        "● cluster 0 60 ○ cluster 1 60",
        "● 0–4 · red 48 ○ 0–4 · green 12 ■ 5–9 · red 12 □ 5–9 · green 48",
        "✓ right 120",
        "● 0–4 60 ○ 5–9 60",
    ]


# Maps on request


@pytest.fixture
def computing(monkeypatch):
    """A command that stores what `answer` holds once it may, or fails with a sentence."""

    def use(run, value=None, sentence=""):
        go = run.folder.path / "go"
        source, target = run.folder.path / "answer.json", run.folder.path / "views" / "map-tsne.json"
        target.parent.mkdir(exist_ok=True)
        if value is not None:
            source.write_bytes(orjson.dumps(value))
        code = (
            "import sys, time, pathlib, shutil\n"
            f"while not pathlib.Path({str(go)!r}).exists(): time.sleep(0.01)\n"
            f"sentence = {sentence!r}\n"
            "if sentence: sys.stderr.write(f'error: {sentence}\\n'); sys.exit(2)\n"
            f"shutil.copy({str(source)!r}, {str(target)!r})\n"
        )
        asked = []

        def command(folder, method):
            asked.append(method)
            return [sys.executable, "-c", code.replace("map-tsne", f"map-{method}")]

        monkeypatch.setattr(maps, "command", command)
        return go, asked

    return use


async def test_tsne_is_asked_for_computed_beside_and_picked_up(tmp_path, computing):
    run = Run(tmp_path)
    go, asked = computing(run, run.tsne())
    async with opened(run) as shown:
        await shown.press("m")
        assert "t-SNE is being computed" in shown.lines(Scatter)[1]
        assert shown.lines(Scatter)[0].startswith("Map by PCA")  # stays until the other one is there
        await shown.press("m", "m")  # there and back while it is being computed asks for nothing more
        assert asked == ["tsne"]
        go.touch()
        await until(shown.pilot, lambda: shown.lines(Scatter)[0].startswith("Map by t-SNE"))
        assert "being computed" not in "".join(shown.lines(Scatter))
        await shown.press("m")
        assert shown.lines(Scatter)[0].startswith("Map by PCA")
        await shown.press("m")
        assert shown.lines(Scatter)[0].startswith("Map by t-SNE")
        assert asked == ["tsne"]
    # It is stored: the next one who looks need not ask.
    async with opened(run) as shown:
        await shown.press("m")
        assert shown.lines(Scatter)[0].startswith("Map by t-SNE")


async def test_a_map_that_cannot_be_computed_is_one_sentence_and_can_be_asked_for_again(tmp_path, computing):
    run = Run(tmp_path)
    go, asked = computing(run, sentence="the representation is gone")
    go.touch()
    async with opened(run) as shown:
        await shown.press("m")
        await until(shown.pilot, lambda: "cannot be computed: the representation is gone" in shown.lines(Scatter)[1])
        assert shown.lines(Scatter)[0].startswith("Map by PCA")
        await shown.press("m")
        assert asked == ["tsne", "tsne"]


async def test_a_run_of_an_older_version_has_its_map_computed_when_asked(tmp_path, computing):
    run = Run(tmp_path, stored=False)
    go, asked = computing(run, pca_map(run.features, run.painted, 0.5, 0))
    go.touch()
    async with opened(run) as shown:
        assert "This run stored no map" in shown.text
        assert "This run stored no images" in shown.text
        await shown.press("m")
        await until(shown.pilot, lambda: shown.lines(Scatter)[0].startswith("Map by PCA"))
        assert asked == ["pca"]


async def test_leaving_while_a_map_is_computed_waits_for_nothing(tmp_path, computing):
    run = Run(tmp_path)
    go, _ = computing(run, run.tsne())
    async with opened(run) as shown:
        await shown.press("m")
    # The panel is gone, the process is not, and stores its map.
    assert not go.exists()
    go.touch()
    waiting = [thread for thread in threading.enumerate() if thread.name == "map-tsne"]
    assert all(thread.daemon for thread in waiting)
    for thread in waiting:
        thread.join(30)
    assert maps.read_map(run.folder, "tsne") is not None


# Life of a run


async def test_before_the_clusters_the_panel_says_what_is_waited_for(tmp_path):
    folder = put(Home.open(tmp_path), record_of(status="stopped"))
    run = type("Run", (), {"folder": folder, "feed": RunFeed(folder, lambda: NOW)})()
    async with opened(run) as shown:
        assert "Clusters come with stage 'cluster'; the run is stopped." in shown.text
        await shown.press("j", "c", "m", "v")
        assert shown.pilot.app.query_one(Scatter).display is not None  # no key does harm


async def test_the_map_is_read_when_the_stage_has_stored_it(tmp_path):
    run = Run(tmp_path, stored=False, done=False)
    async with opened(run) as shown:
        assert "The map comes when the stage is done." in shown.text
        await shown.press("m")  # nothing to compute from yet
        run.store()
        with EventWriter(run.folder.events) as writer:
            writer.write(StageFinished("cluster", 1.0), NOW)
        await shown.show()
        assert shown.lines(Scatter)[0].startswith("Map by PCA")
        assert shown.lines(Tiles)[1].startswith("0–4")


async def test_nothing_is_sent_again_where_nothing_changed(tmp_path, monkeypatch):
    run = Run(tmp_path)
    async with opened(run) as shown:
        sent = []
        monkeypatch.setattr(Drawing, "refresh", lambda self, *a, **k: sent.append(self) or self)
        with EventWriter(run.folder.events) as writer:
            writer.write(StageStarted("prune", 100), NOW)  # the run goes on
        await shown.show()
        assert sent == []
        await shown.press("j")
        assert sent  # the probe works


# Sizes


async def test_on_a_small_screen_one_view_at_a_time(tmp_path):
    async with opened(Run(tmp_path), size=(80, 21)) as shown:
        seen = [("Clusters by" in shown.text, "Map by" in shown.text)]
        for _ in range(3):
            await shown.press("v")
            seen.append(("Clusters by" in shown.text, "Map by" in shown.text))
            if len(seen) == 3:
                assert shown.text.lstrip().startswith("Cluster 0  60 images")
        assert seen == [(True, False), (False, True), (False, False), (True, False)]


@pytest.mark.parametrize("size", [(120, 37), (200, 57), (80, 57)])
async def test_where_there_is_room_all_is_there_at_once(tmp_path, size):
    async with opened(Run(tmp_path), size=size) as shown:
        for title in ("Choice", "Clusters by group", "Cluster 0", "Map by PCA"):
            assert title in shown.text
        before = shown.text
        await shown.press("v")
        assert shown.text == before


async def test_growing_and_shrinking_keeps_everything_in_place(tmp_path):
    async with opened(Run(tmp_path), size=(200, 57)) as shown:
        await shown.pilot.resize_terminal(80, 21)
        await shown.pilot.pause()
        assert "Map by" not in shown.text
        assert "Clusters by group" in shown.text
        await shown.pilot.resize_terminal(120, 37)
        await shown.pilot.pause()
        assert "Map by PCA" in shown.text
        assert "✓ red" in shown.text


async def test_without_colour_the_map_has_marks_and_the_images_dots(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    async with opened(Run(tmp_path)) as shown:
        points = "".join(shown.lines(Scatter)[1:-1])
        assert {"●", "○", "·"} <= set(points)
        assert not braille(points)
        pictures = "".join(shown.lines(Tiles))
        assert "▀" not in pictures
        assert braille(pictures)


# The table


def clustered(k, labels, attributes=()):
    names = [f"class {i}" for i in range(labels)]
    groups = [f"{name} · {value}" for name in names for value in attributes]
    table = [[1000 * c + 17 * y + 1200 for y in range(labels)] for c in range(k)]
    by_group = [[n // len(attributes) for n in row for _ in attributes] for row in table] if groups else []
    return Clustered("cluster", names, table, groups, by_group)


@pytest.mark.parametrize("width", [40, 57, 77, 118, 197])
@pytest.mark.parametrize(("labels", "values"), [(2, 2), (2, 0), (10, 10), (40, 2)])
@pytest.mark.parametrize("k", [1, 16])
def test_lines_have_the_width_and_numbers_are_whole(width, labels, values, k):
    given = clustered(k, labels, [f"v{i}" for i in range(values)])
    balanced = Balanced("balance", "min", 5, [[5] * labels] * k)
    lines = [line.plain for line in heat_table(given, balanced, 0, width, SHELL)]
    assert len(lines) == 3 + k
    assert {len(line) for line in lines} == {width}
    for row, counts in zip(lines[3:], given.table, strict=True):
        assert f"{sum(counts):,}" in row


def test_what_does_not_fit_gives_way_in_order():
    given = clustered(2, 2, ["red", "green"])
    balanced = Balanced("balance", "min", 5, [[5, 5]] * 2)
    layouts = [columns_for(given, balanced, width) for width in (100, 58, 50, 42, 38, 34)]
    assert [(len(x.heads), x.largest > 7, x.balanced, x.compact) for x in layouts] == [
        (4, True, True, False),
        (4, False, True, False),
        (4, False, False, False),
        (4, False, False, True),
        (2, False, False, False),
        (2, False, False, True),
    ]
    assert columns_for(clustered(2, 40), None, 57).more > 30


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (999, "999"), (1000, "1.0k"), (9_940, "9.9k"), (9_960, "10k"), (14_588, "15k"), (999_400, "999k"),
     (1_200_000, "1.2M"), (999_900, "1.0M")],
)  # fmt: skip
def test_short_counts_have_four_cells_at_most(number, text):
    assert short(number) == text
    assert len(short(number)) <= 4
