"""The files of a run on the screen: stages, sizes, who shares them, and when the folder is looked through."""

import os
from dataclasses import replace

import pytest

from core.engine.artifacts import link
from core.feed.feed import RunFeed
from core.words import size_of
from prusc_tui.views.artifacts import VIEW
from prusc_tui.views.artifacts import panel as panel_module
from prusc_tui.views.artifacts.files import described, survey
from tests.tui.lab import NOW, all_read, finished_run, put, record_of, rows, text, until
from tests.tui.stage import Alone


def alone(folder):
    return Alone(lambda: VIEW.open(folder, None), RunFeed(folder, lambda: NOW))


def fill(folder):
    """Some artifacts of known sizes."""
    for place, size in {
        "artifacts/erm/model.safetensors": 1_234_567,
        "artifacts/erm/epoch-0.5.safetensors": 1000,
        "artifacts/erm/stage.json": 12,
        "artifacts/cluster/map-pca.json": 2000,
        "checkpoints/prune.pt": 5000,
        "views/map-tsne.json": 300,
    }.items():
        path = folder.path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
    return folder


def sharing(home):
    """A run, and another one that took its ERM."""
    first = fill(finished_run(home))
    record = record_of("second")
    stages = tuple(replace(stage, reused=first.id) if stage.name == "erm" else stage for stage in record.stages)
    second = put(home, replace(record, stages=stages))
    (second.path / "artifacts").mkdir()
    assert link(first.artifacts("erm"), second.artifacts("erm"))
    return first, second


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_files_stand_by_stage_with_their_sizes_at_the_right_edge(home, size):
    folder = fill(finished_run(home))
    app = alone(folder)
    async with app.run_test(size=size) as pilot:
        app.look()
        await until(pilot, lambda: "model.safetensors" in text(app))
        total = sum(path.stat().st_size for path in folder.path.rglob("*") if path.is_file())
        assert f"{size_of(total)} in " in rows(app)[0]
        lines = {row.split()[0]: row for row in (line.replace("▌", " ") for line in rows(app)) if row.split()}
        assert "final network" in lines["model.safetensors"]
        assert "after epoch 0.5" in lines["epoch-0.5.safetensors"]
        sizes = {
            "erm": "1.2 MB",
            "model.safetensors": "1.2 MB",
            "epoch-0.5.safetensors": "1.0 kB",
            "stage.json": "12 B",
        }
        ends = {lines[name].index(shown) + len(shown) for name, shown in sizes.items()}
        assert len(ends) == 1
        order = [row.split()[0] for row in rows(app) if "──" in row]
        assert order[:3] == ["erm", "cluster", "prune"]


async def test_shared_files_say_with_whom(home):
    first, second = sharing(home)
    app = alone(second)
    async with app.run_test(size=(160, 40)) as pilot:
        app.look()
        await until(pilot, lambda: "model.safetensors" in text(app))
        assert f"reused from {first.id}" in text(app)
        line = next(row for row in rows(app) if "model.safetensors" in row)
        assert f"shared with {first.id}" in line
        assert "↔" in line
        assert "shared with other runs" in rows(app)[0]
        assert "↔" not in next(row for row in rows(app) if "run.json" in row)


def test_the_run_that_was_taken_from_knows_too_and_a_copy_is_not_called_shared(home, monkeypatch):
    first, second = sharing(home)
    (erm,) = (room for room in survey(first, first.record()) if room.title == "erm")
    assert {file.shared for file in erm.files} == {f"shared with {second.id}"}
    for file in second.artifacts("erm").iterdir():
        data = file.read_bytes()
        file.unlink()
        file.write_bytes(data)
    (erm,) = (room for room in survey(second, second.record()) if room.title == "erm")
    assert {file.shared for file in erm.files} == {f"copied from {first.id}"}
    assert not any(file.linked for file in erm.files)


async def test_enter_copies_the_path_of_the_file_under_the_cursor(home):
    folder = fill(finished_run(home))
    app = alone(folder)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        app.look()
        await until(pilot, lambda: "model.safetensors" in text(app))
        await pilot.press("down", "enter")
        path = str(folder.artifacts("erm") / "model.safetensors")
        await until(pilot, lambda: app.copied == [path])
        assert [toast.message for toast in app._notifications] == [path]
        await pilot.press("end", "enter")
        await until(pilot, lambda: len(app.copied) == 2)
        assert app.copied[1].endswith("writer.lock") or app.copied[1].endswith("run.json")
        await pilot.press("home", "enter")
        await until(pilot, lambda: len(app.copied) == 3)
        assert app.copied[2].endswith("epoch-0.5.safetensors")


async def test_the_cursor_is_always_in_sight_and_so_is_the_first_heading(home):
    folder = fill(finished_run(home))
    app = alone(folder)
    async with app.run_test(size=(80, 10)) as pilot:
        app.look()
        await until(pilot, lambda: "model.safetensors" in text(app))
        for key in ["down"] * 12 + ["up"] * 12:
            await pilot.press(key)
            await until(pilot, lambda: any("▌" in row and app.panel.current.name in row for row in rows(app)))
        assert any(row.strip().startswith("erm ") for row in rows(app))


async def test_the_folder_is_looked_through_only_when_a_state_changed(home, monkeypatch):
    folder = fill(finished_run(home))
    looks = []
    real = panel_module.survey
    monkeypatch.setattr(panel_module, "survey", lambda *a: looks.append(1) or real(*a))
    app = alone(folder)
    async with app.run_test(size=(100, 40)) as pilot:
        snapshot = app.feed.poll()
        app.panel.show(snapshot)
        await until(pilot, lambda: "model.safetensors" in text(app))
        app.panel.focus()
        await pilot.press("down")
        (folder.artifacts("erm") / "aaa.bin").write_bytes(b"1")
        app.panel.show(replace(snapshot, taken=NOW + 1))
        await all_read(pilot)
        assert len(looks) == 1
        running = replace(snapshot.stages[-1], state="running")
        app.panel.show(replace(snapshot, stages=(*snapshot.stages[:-1], running)))
        await until(pilot, lambda: "aaa.bin" in text(app))
        assert len(looks) == 2
        assert app.panel.current.name == "model.safetensors"


async def test_names_that_would_move_the_cursor_are_shown_as_text(home):
    folder = fill(finished_run(home))
    (folder.artifacts("erm") / "[red]\x1b[2J").write_bytes(b"1")
    app = alone(folder)
    async with app.run_test(size=(100, 40)) as pilot:
        app.look()
        await until(pilot, lambda: r"[red]\x1b[2J" in text(app))


async def test_a_folder_that_is_gone_is_said(home):
    folder = fill(finished_run(home))
    app = alone(folder)
    snapshot = app.feed.poll()
    os.rename(folder.path, folder.path.with_name("elsewhere"))  # noqa: PTH104
    async with app.run_test(size=(160, 20)) as pilot:
        app.panel.show(snapshot)
        await until(pilot, lambda: "cannot be read" in text(app))


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_949, "999.9 kB"), (999_960, "1.0 MB"), (1_234_567, "1.2 MB"),
     (5_000_000_000, "5.0 GB"), (10**16, "10000.0 TB")],
)  # fmt: skip
def test_sizes_in_words(count, words):
    assert size_of(count) == words


def test_a_file_is_described_by_its_stage_then_by_the_engine():
    files = {r"epoch-(.+)\.safetensors": "network after epoch {1}"}
    assert described("epoch-0.25.safetensors", files) == "network after epoch 0.25"
    assert described("stage.json", files) == described("stage.json", {}) == "key, time, results"
    assert described("epoch-0.25.safetensors", {}) == described("unheard-of.bin", files) == ""
