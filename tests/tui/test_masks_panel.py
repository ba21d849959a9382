"""What is pruned on the screen: sparsity, layers, alarms, what it buys, and the overlap with another run."""

import struct
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import orjson
import pytest
from lab import LAYERS, evaluation, finished_run, record_of, rows, running_run, until
from rich.text import Text
from safetensors.numpy import save_file
from textual.app import App, ComposeResult
from textual.widgets import Input

from core.events import Evaluated, Selected, Sparsity, StageReused
from core.runs.feed import RunFeed
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.record import StageRecord
from core.runs.snapshot import Look
from core.runs.stream import EventWriter
from prusc_tui.draw.masks import Pruned, dead_layers, figures, head, summary
from prusc_tui.draw.masks import rows as layer_rows
from prusc_tui.draw.trade_off import Point, TradeOff, trade_off, trade_off_of
from prusc_tui.palette import SHELL
from prusc_tui.screens.run.masks import MasksPanel
from prusc_tui.widgets.drawing import Drawing
from prusc_tui.work.layers import layer_sizes

MANY = {f"layer{n}.conv": 0.2 + n / 100 for n in range(1, 54)}


class Shown(App[None]):
    """The panel alone."""

    palette = SHELL

    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def compose(self) -> ComposeResult:
        yield MasksPanel(self.folder)

    @property
    def panel(self) -> MasksPanel:
        return self.query_one(MasksPanel)


@pytest.fixture
def home(tmp_path):
    return Home.open(tmp_path / "home")


@pytest.fixture
def painted(monkeypatch):
    """Who asked to be painted, in order."""
    asked = []
    refresh = Drawing.refresh

    def noted(self, *regions, **options):
        asked.append((self.id, regions))
        return refresh(self, *regions, **options)

    monkeypatch.setattr(Drawing, "refresh", noted)
    return asked


def text(app):
    return "\n".join(rows(app))


def plain(lines: list[Text]) -> list[str]:
    return [line.plain for line in lines]


def pruned(*ratios, **more):
    """States of one stage at steps 10, 20 …; a layer's ratio in each."""
    return Pruned(
        tuple(Sparsity("prune", 10 * n, sum(r.values()) / len(r), r) for n, r in enumerate(ratios, 1)), **more
    )


def store(folder, seed=0, share=0.5, shape=(8, 4, 3, 3)):
    """Masks of a run, drawn by lot; returned as they are."""
    draw = np.random.default_rng(seed)
    masks = {f"{name}.weight": draw.random(shape) < share for name in LAYERS}
    folder.artifacts("prune").mkdir(parents=True, exist_ok=True)
    save_file(masks, folder.artifacts("prune") / "masks.safetensors")
    return masks


# The drawing


def test_figures_are_three_rows_that_line_up():
    made = figures("43.9")
    assert len(made) == 3
    assert len({len(row) for row in made}) == 1
    assert made[2][6] == "."
    assert figures("1") != figures("7")


def test_the_summary_counts_weights_where_all_sizes_are_known():
    found = pruned({"a": 0.5, "b": 0.25}, weights={"a": 100, "b": 300})
    now = replace(found.now, keep_ratio=(50 + 75) / 400)
    lines = plain(summary(replace(found, states=(now,)), True, 80, SHELL))
    assert "125 of 400" in lines[1]
    assert "of 4" not in plain(summary(replace(found, weights={"a": 100}), True, 80, SHELL))[1]
    assert "still learning" in plain(summary(found, False, 80, SHELL))[2]


def test_the_length_of_a_bar_is_the_ratio():
    lines = plain(layer_rows(pruned({"a": 1.0, "b": 0.5, "c": 0.0, "d": 0.25}).layers(False), 80, SHELL))
    full, half, none, quarter = (line.count("█") for line in lines)
    assert full > 30
    assert none == 0
    assert half == full // 2
    assert quarter == full // 4


@pytest.mark.parametrize(("ratio", "dead"), [(0.0, True), (0.0009, True), (0.001, False), (0.5, False)])
def test_a_layer_is_dead_below_a_thousandth_and_says_so_without_colour(ratio, dead):
    found = pruned({"conv1": 0.9, "conv2": ratio, "conv3": 0.8})
    line = plain(layer_rows(found.layers(False), 80, SHELL))[1]
    assert line.startswith("✗") == dead
    assert ("dead" in line) == dead
    alarm = " ".join(plain(dead_layers(found, 80, SHELL)))
    assert ("conv2" in alarm) == dead
    assert ("No weight" in alarm) == (ratio == 0)
    assert "conv1" not in alarm


def test_an_alarm_for_many_layers_stays_two_lines():
    assert len(dead_layers(pruned(dict.fromkeys(MANY, 0.0)), 80, SHELL)) == 2


def test_the_layers_that_fell_most_are_marked_and_come_first_on_request():
    found = pruned({"a": 0.9, "b": 0.3, "c": 0.7, "d": 0.6})
    assert [layer.name for layer in found.layers(False)] == ["a", "b", "c", "d"]
    assert [layer.name for layer in found.layers(True)] == ["b", "d", "c", "a"]
    assert [layer.name for layer in found.layers(False) if layer.leads] == ["b"]
    assert not any(layer.leads for layer in pruned(dict.fromkeys("abcd", 1.0)).layers(False))


@pytest.mark.parametrize("width", [77, 100])
def test_a_row_says_how_much_the_layer_fell_since_the_first_look(width):
    states = {"a": 0.9, "b": 0.5, "c": 0.4}, {"a": 0.2, "b": 0.6, "c": 0.3}, {"a": 0.853, "b": 0.5, "c": 0.46}
    lines = [line.rstrip() for line in plain(layer_rows(pruned(*states).layers(False), width, SHELL))]
    assert lines[0].endswith(" 4.7")
    assert lines[1].endswith(" =")
    assert lines[2].endswith(" +6.0")


def test_the_course_of_a_layer_covers_all_looks_however_many():
    states = [{"conv": 1 - n / 99, "head": 1.0} for n in range(100)]
    fell, stayed = plain(layer_rows(pruned(*states).layers(False), 90, SHELL))
    assert "█▇" in fell
    assert "▂▁" in fell
    assert "█" * 12 in stayed[-20:]


@pytest.mark.parametrize("width", [40, 60, 78, 116, 198])
def test_lines_fill_their_width_exactly(width):
    found = pruned(MANY, MANY, weights=dict.fromkeys(MANY, 2_359_296))
    layers = found.layers(False)
    everything = [
        *layer_rows(layers, width, SHELL),
        head(layers, "", width, SHELL),
        *summary(found, True, width, SHELL),
    ]
    curve = TradeOff((Point(1, 0.1, 0.5), Point(2, 0.3, 0.8)), Point(2, 0.3, 0.8), ("erm", 0.4), ("finetune", 0.9))
    assert {line.cell_len for line in [*everything, *trade_off(curve, width, 12, SHELL)]} == {width}


def cell_of(lines, mark):
    """Column and line of the only cell with a mark."""
    found = [(line.index(mark), y) for y, line in enumerate(lines) if mark in line]
    assert len(found) == 1
    return found[0]


def test_the_curve_puts_every_look_where_it_belongs():
    points = (Point(10, 0.0, 0.2), Point(20, 0.5, 0.6), Point(30, 1.0, 1.0))
    drawn = plain(trade_off(TradeOff(points, points[1]), 66, 17, SHELL))
    chart = drawn[1:-3]
    assert len(chart) == 13
    assert chart[-1].index("●") == 6
    assert chart[0].rindex("●") == 65
    column, line = cell_of(chart, "◆")
    assert abs(column - (6 + 59 / 2)) <= 1
    assert abs(line - 6) <= 1
    assert "chosen, step 20: 60.0 at 50.0" in drawn[-1]


def test_a_curve_that_turns_back_is_drawn():
    there = TradeOff((Point(1, 0.1, 0.2), Point(2, 0.6, 0.9)))
    back = TradeOff((Point(1, 0.6, 0.9), Point(2, 0.1, 0.2)))
    drawn = plain(trade_off(there, 60, 12, SHELL))
    assert drawn == plain(trade_off(back, 60, 12, SHELL))
    dots = [char for line in drawn for char in line if "⠀" < char <= "⣿"]
    assert len(dots) > 20


def test_before_and_after_are_shown_beside_the_chosen_one():
    points = (Point(10, 0.1, 0.5), Point(20, 0.4, 0.9))
    drawn = plain(trade_off(TradeOff(points, points[1], ("erm", 0.45), ("finetune", 0.91)), 70, 14, SHELL))
    (_, chosen), (_, later) = cell_of(drawn[1:-3], "◆"), cell_of(drawn[1:-3], "▲")
    assert later != chosen
    assert any(line.count("┄") > 50 for line in drawn)
    assert "finetune 91.0" in drawn[-1]
    assert "erm 45.0" in drawn[-1]


def test_the_course_pairs_looks_and_masks_of_the_same_step(home):
    folder = finished_run(home)
    snapshot = RunFeed(folder).poll()
    found = trade_off_of(snapshot, "prune")
    assert [point.step for point in found.points] == list(range(10, 101, 10))
    assert found.points[4].sparsity == pytest.approx(0.22)
    assert found.points[4].worst == pytest.approx(0.75, abs=0.001)
    assert found.chosen is None
    # A look without a state of the masks has no place on the curve.
    some = replace(snapshot, mask_states={"prune": snapshot.mask_states["prune"][:3]})
    assert [point.step for point in trade_off_of(some, "prune").points] == [10, 20, 30]


def test_a_state_without_a_look_has_the_accuracy_of_the_look_before(home):
    snapshot = RunFeed(finished_run(home)).poll()
    looks = snapshot.evaluations["prune", "validation"]
    few = replace(snapshot, evaluations={("prune", "validation"): (looks[2], looks[6])})
    points = trade_off_of(few, "prune").points
    assert [point.step for point in points] == list(range(30, 101, 10))
    third, seventh = (look.evaluation.worst_group.accuracy for look in (looks[2], looks[6]))
    assert [point.worst for point in points] == [third] * 4 + [seventh] * 4
    assert points[3].sparsity == pytest.approx(0.44 * 0.6)


def test_the_checkpoint_that_was_selected_is_the_chosen_one_until_it_is_evaluated(home):
    snapshot = RunFeed(finished_run(home)).poll()
    picked = replace(snapshot, selected={"prune": Selected("prune", "worst-group", 70, {})})
    assert trade_off_of(picked, "prune").chosen == Point(70, pytest.approx(0.308), pytest.approx(0.81, abs=0.001))
    looks = snapshot.evaluations["prune", "validation"]
    final = Look(40, evaluation((95, 50, 91, 96), "validation"), True)
    handed_on = replace(picked, evaluations={("prune", "validation"): (*looks, final)})
    assert trade_off_of(handed_on, "prune").chosen == Point(40, pytest.approx(0.176), pytest.approx(0.5))


def test_accuracy_on_samples_that_were_trained_on_is_not_shown(home):
    folder = finished_run(home)
    snapshot = RunFeed(folder).poll()
    looks = dict(snapshot.evaluations)
    looks["prune", "validation"] += (Look(100, evaluation((95, 90, 91, 96), "validation"), True),)
    looks["finetune", "validation"] = (Look(60, evaluation((97, 96, 95, 97), "validation"), True),)
    tuned = replace(snapshot, evaluations=MappingProxyType(looks))
    assert trade_off_of(tuned, "prune").chosen == Point(100, pytest.approx(0.44), pytest.approx(0.9, abs=0.001))
    assert trade_off_of(tuned, "prune").after == ("finetune", pytest.approx(0.95, abs=0.001))
    on_validation = replace(tuned.record, config={"finetune": {"data": "validation"}})
    assert trade_off_of(replace(tuned, record=on_validation), "prune").after is None


# Sizes


def test_sizes_come_from_the_masks_or_else_from_the_network_before(home):
    folder = finished_run(home)
    assert layer_sizes(folder, "prune", ("erm",)) == {}
    folder.artifacts("erm").mkdir(parents=True)
    save_file(
        {"conv1.weight": np.zeros((4, 3)), "conv1.bias": np.zeros(4)}, folder.artifacts("erm") / "model.safetensors"
    )
    assert layer_sizes(folder, "prune", ("erm", "cluster")) == {"conv1": 12}
    store(folder)
    assert layer_sizes(folder, "prune", ("erm",)) == dict.fromkeys(LAYERS, 288)


@pytest.mark.parametrize("content", [b"", b"\xff" * 30, struct.pack("<Q", 4) + b"nope", struct.pack("<Q", 2) + b"[]"])
def test_a_broken_file_has_no_sizes(home, content):
    folder = finished_run(home)
    folder.artifacts("prune").mkdir(parents=True)
    (folder.artifacts("prune") / "masks.safetensors").write_bytes(content)
    assert layer_sizes(folder, "prune", ()) == {}


# The panel


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_sparsity_layers_and_curve_are_in_sight_at_every_size(home, size):
    folder = finished_run(home)
    app = Shown(folder)
    async with app.run_test(size=size) as pilot:
        app.panel.show(RunFeed(folder).poll())
        await until(pilot, lambda: "Worst group ↑" in text(app) and "conv3" in text(app))
        assert figures("44.0")[0].strip() in text(app)
        for name in LAYERS:
            assert any(name in line and f"{100 * LAYERS[name]:.1f}" in line for line in rows(app))
        beside = next(line for line in rows(app) if "Worst group ↑" in line)
        assert ("Layers" in beside) == (size[0] >= 116)


async def test_more_layers_than_lines_scroll_by_key_under_their_heading(home):
    folder, writer = running_run(home)
    with writer:
        writer.write(Sparsity("prune", 10, 0.4, MANY))
    app = Shown(folder)
    async with app.run_test(size=(80, 24)) as pilot:
        app.panel.show(RunFeed(folder).poll())
        app.panel.focus()
        await until(pilot, lambda: "layer1.conv" in text(app))
        assert "layer53.conv" not in text(app)
        await pilot.press("end")
        await until(pilot, lambda: "layer53.conv" in text(app))
        assert "layer1.conv" not in text(app)
        assert "Layers" in text(app)
        await pilot.press("home")
        await until(pilot, lambda: "layer1.conv" in text(app))
        await pilot.press("j")
        await until(pilot, lambda: "layer1.conv" not in text(app))
        await pilot.press("k")
        await until(pilot, lambda: "layer1.conv" in text(app))
        await pilot.press("pagedown")
        await until(pilot, lambda: "layer1.conv" not in text(app))


async def test_s_puts_the_most_pruned_first_and_back(home):
    folder = finished_run(home)
    app = Shown(folder)

    def order():
        return [name for line in rows(app) for name in LAYERS if f"{name} " in line]

    async with app.run_test(size=(80, 30)) as pilot:
        app.panel.show(RunFeed(folder).poll())
        app.panel.focus()
        await until(pilot, lambda: order() == ["conv1", "conv2", "conv3", "fc"])
        await pilot.press("s")
        await until(pilot, lambda: order() == ["conv3", "conv2", "fc", "conv1"])
        await pilot.press("s")
        await until(pilot, lambda: order() == ["conv1", "conv2", "conv3", "fc"])


async def test_a_running_run_moves_and_only_what_changed_is_painted(home, painted):
    folder, writer = running_run(home)
    feed = RunFeed(folder)
    app = Shown(folder)
    with writer:
        async with app.run_test(size=(80, 30)) as pilot:
            app.panel.show(feed.poll())
            await until(pilot, lambda: "Nothing is pruned yet" in text(app))
            writer.write(Sparsity("prune", 10, 0.9, {"conv1": 0.95, "conv2": 0.8}))
            app.panel.show(feed.poll())
            await until(pilot, lambda: "still learning" in text(app) and "95.0" in text(app))
            writer.write(Evaluated("prune", 10, "validation", evaluation((95, 71, 80, 90), "validation").to_json()))
            app.panel.show(feed.poll())
            await until(pilot, lambda: "●" in text(app))
            await pilot.pause()
            painted.clear()
            writer.write(Sparsity("prune", 20, 0.85, {"conv1": 0.95, "conv2": 0.7}))
            app.panel.show(feed.poll())
            await until(pilot, lambda: "70.0" in text(app))
            await pilot.pause()
            painted.clear()
            # What concerns other views changes nothing here.
            app.panel.show(replace(feed.poll(), elapsed=99.0))
            app.panel.show(feed.poll())
            await pilot.pause()
            assert painted == []


@pytest.mark.parametrize("status", ["finished", "queued"])
async def test_a_run_without_masks_says_so(home, status):
    record = record_of(status=status)
    record = replace(record, stages=(StageRecord("erm", "done"),), recipe="erm")
    app = Shown(folder := RunFolder.create(home, record))
    async with app.run_test(size=(80, 24)) as pilot:
        app.panel.show(RunFeed(folder).poll())
        await until(pilot, lambda: "Nothing is pruned in this run" in text(app))
        app.panel.focus()
        await pilot.press("o", "s")
        assert app.screen is app.screen_stack[0]


async def test_masks_taken_from_another_run_are_read_from_the_file(home):
    folder = RunFolder.create(home, record_of())
    with EventWriter(folder.events) as writer:
        writer.write(StageReused("prune", "k3v9x2ab"), 1.0)
    masks = store(folder, share=0.3)
    kept = sum(int(mask.sum()) for mask in masks.values())
    app = Shown(folder)
    async with app.run_test(size=(80, 30)) as pilot:
        app.panel.show(RunFeed(folder).poll())
        await until(pilot, lambda: f"{kept:,} of {288 * len(LAYERS):,}" in text(app))


async def compared(pilot, typed):
    app = pilot.app
    app.panel.focus()
    await pilot.press("o")
    await until(pilot, lambda: "Compare the masks" in text(app))
    await pilot.press("ctrl+u", *typed, "enter")


async def test_o_asks_for_a_run_and_shows_the_overlap(home):
    ours, theirs = finished_run(home), finished_run(home, "other")
    a, b = store(ours, 1), store(theirs, 2)
    app = Shown(ours)
    async with app.run_test(size=(120, 30)) as pilot:
        app.panel.show(RunFeed(ours).poll())
        await until(pilot, lambda: "conv3" in text(app))
        await compared(pilot, "other")
        await until(pilot, lambda: "overlap with other" in text(app))
        both = sum(int((a[name] & b[name]).sum()) for name in a)
        either = sum(int((a[name] | b[name]).sum()) for name in a)
        assert f"IoU {both / either:.2f}" in text(app)
        for name in LAYERS:
            mine, other = a[f"{name}.weight"], b[f"{name}.weight"]
            iou = (mine & other).sum() / (mine | other).sum()
            (line,) = [line for line in rows(app) if f" {name} " in line]
            assert f"{iou:.2f} (" in line
            assert f" {100 * other.mean():.1f} " in line
        assert "✗" not in text(app)
        assert "comparing" not in text(app)
        await compared(pilot, "")
        await until(pilot, lambda: "IoU" not in text(app))


@pytest.mark.parametrize(
    ("typed", "why"),
    [("nobody", "no run 'nobody'"), ("demo", "that is this run itself"), ("bare", "has no masks"), ("odd", "cannot")],
)
async def test_a_run_that_cannot_be_compared_is_said_in_place(home, typed, why):
    ours = finished_run(home)
    store(ours)
    finished_run(home, "bare")
    odd = finished_run(home, "odd")
    odd.artifacts("prune").mkdir(parents=True)
    (odd.artifacts("prune") / "masks.safetensors").write_bytes(b"\xff" * 30)
    app = Shown(ours)
    async with app.run_test(size=(120, 30)) as pilot:
        app.panel.show(RunFeed(ours).poll())
        await until(pilot, lambda: "conv3" in text(app))
        await compared(pilot, typed)
        await until(pilot, lambda: why in text(app))
        (said,) = [line for line in rows(app) if why in line]
        assert said.startswith(" ✗ ")
        assert "Layers" in text(app)
        assert "IoU" not in text(app)
        # The question comes back with what was typed; turning away leaves the sentence, an empty line takes it away.
        await pilot.press("o")
        await until(pilot, lambda: "Compare the masks" in text(app))
        assert app.screen.query_one(Input).value == typed
        await pilot.press("escape")
        await until(pilot, lambda: why in text(app) and "Compare the masks" not in text(app))
        await compared(pilot, "")
        await until(pilot, lambda: why not in text(app))


async def test_names_from_files_are_shown_as_text(home):
    folder = finished_run(home)
    events = folder.events.read_bytes().replace(b'"conv1"', orjson.dumps("[red]\x1b[2J"))
    folder.events.write_bytes(events)
    app = Shown(folder)
    async with app.run_test(size=(120, 30)) as pilot:
        app.panel.show(RunFeed(folder).poll())
        await until(pilot, lambda: r"[red]\x1b[2J" in text(app))
