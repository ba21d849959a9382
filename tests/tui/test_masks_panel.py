"""What is pruned on the screen: sizes, layers, sparsity, and the overlap with another run."""

import struct
from dataclasses import replace

import numpy as np
import orjson
import pytest
from safetensors.numpy import save_file
from textual.widgets import Input

from core.events import Evaluated, Sparsity, StageReused
from core.feed.feed import RunFeed
from core.runs.folder import RunFolder
from core.runs.record import StageRecord
from core.runs.stream import EventWriter
from prusc_tui.views.masks import VIEW
from prusc_tui.views.masks.layers import figures
from prusc_tui.views.masks.stored import layer_sizes
from tests.tui.lab import LAYERS, evaluation, finished_run, record_of, rows, running_run, text, until
from tests.tui.stage import Alone

MANY = {f"layer{n}.conv": 0.2 + n / 100 for n in range(1, 54)}


def alone(folder):
    return Alone(lambda: VIEW.open(folder, None))


def store(folder, seed=0, share=0.5, shape=(8, 4, 3, 3)):
    """Masks of a run, drawn at random; returned as they are."""
    draw = np.random.default_rng(seed)
    masks = {f"{name}.weight": draw.random(shape) < share for name in LAYERS}
    folder.artifacts("prune").mkdir(parents=True, exist_ok=True)
    save_file(masks, folder.artifacts("prune") / "masks.safetensors")
    return masks


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
    app = alone(folder)
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
    app = alone(folder)
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
    app = alone(folder)

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
    app = alone(folder)
    with writer:
        async with app.run_test(size=(80, 30)) as pilot:
            app.panel.show(feed.poll())
            await until(pilot, lambda: "Nothing is pruned yet" in text(app))
            writer.write(Sparsity("prune", 10, 0.9, {"conv1": 0.95, "conv2": 0.8}))
            app.panel.show(feed.poll())
            await until(pilot, lambda: "still learning" in text(app) and "95.0" in text(app))
            writer.write(Evaluated("prune", 10, "validation", evaluation((95, 71, 80, 90), "validation")))
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
    app = alone(folder := RunFolder.create(home, record))
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
    app = alone(folder)
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
    app = alone(ours)
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


WHY_NOT = {"nobody": "no run 'nobody'", "demo": "this is the same run", "bare": "has no masks", "odd": "cannot"}


async def test_a_run_that_cannot_be_compared_is_said_in_place(home):
    ours = finished_run(home)
    store(ours)
    finished_run(home, "bare")
    odd = finished_run(home, "odd")
    odd.artifacts("prune").mkdir(parents=True)
    (odd.artifacts("prune") / "masks.safetensors").write_bytes(b"\xff" * 30)
    app = alone(ours)
    async with app.run_test(size=(120, 30)) as pilot:
        app.panel.show(RunFeed(ours).poll())
        await until(pilot, lambda: "conv3" in text(app))
        for typed, why in WHY_NOT.items():
            await compared(pilot, typed)
            await until(pilot, lambda why=why: why in text(app))
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
    app = alone(folder)
    async with app.run_test(size=(120, 30)) as pilot:
        app.panel.show(RunFeed(folder).poll())
        await until(pilot, lambda: r"[red]\x1b[2J" in text(app))
