"""The table of runs: what it shows at which width, the cursor, marks, mouse; and that it repaints only what changed."""

from dataclasses import replace

import pytest
from rich.cells import cell_len
from textual.events import MouseScrollDown
from textual.screen import Screen

from core.feed.board import Row
from core.groups import Evaluation, Group
from core.runs.record import StageRecord
from prusc_tui.palette import SHELL
from prusc_tui.screens.runs import columns as run_columns
from prusc_tui.screens.runs.columns import BY_KEY, cells, lay_out, short_name, time_left, wanted_widths
from prusc_tui.screens.runs.table import RunTable
from tests.tui.lab import NOW, record_of, rows, until
from tests.tui.stage import Stage


def row(name, status="finished", live=None, **fields):
    return Row(record_of(name, status, **fields).summary(), **(live or {}))


def many(count):
    return [row(f"run-{number:05d}", seed=number) for number in range(count)]


class TableScreen(Screen):
    """The table alone; what it says is written down."""

    AUTO_FOCUS = "RunTable"

    def __init__(self, first):
        super().__init__()
        self.first = first
        self.heard = []

    def compose(self):
        yield RunTable(lambda: NOW)

    def on_mount(self):
        self.query_one(RunTable).show(self.first)

    def on_run_table_opened(self, message):
        self.heard.append(("opened", message.id))

    def on_run_table_moved(self, message):
        self.heard.append(("moved", self.query_one(RunTable).current))

    def on_run_table_sort_asked(self, message):
        self.heard.append(("sort", message.key))


def stage(shown):
    return Stage(lambda: TableScreen(shown))


def place(app):
    """Line of the screen with the cursor's bar, and the text there."""
    found = [(y, line) for y, line in enumerate(rows(app)) if line.startswith("▌")]
    assert len(found) == 1, found
    return found[0]


async def test_a_row_says_everything_on_a_wide_terminal():
    one = row("demo", seed=3, tags=("paper", "best"), started=NOW - 60, seconds=3723.0)
    app = stage([one])
    async with app.run_test(size=(160, 12)) as pilot:
        await until(pilot, lambda: "demo" in rows(app)[1])
        head, line = rows(app)[:2]
        for word in ("status", "name", "recipe", "data", "seed", "worst", "average", "sparsity", "time", "tags"):
            assert word in head
        cells = line.split()
        shown = ["▌", "✓", "finished", "demo", "prusc", "colored-mnist", "3", "93.6", "94.7", "44.0", "1:02:03"]
        assert cells[: len(shown)] == shown
        assert cells[-2:] == ["paper", "best"]


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (200, 60)])
async def test_what_matters_most_is_seen_whole_at_every_size(width, height):
    shown = [
        row("a-name-of-usual-length", seed=12),
        row("live", "running", live={"stage": "finetune", "progress": 0.43, "left": 720.0}, seconds=4000.0),
    ]
    app = stage(shown)
    async with app.run_test(size=(width, height)) as pilot:
        await until(pilot, lambda: "live" in rows(app)[2])
        first, second = rows(app)[1:3]
        assert {"✓", "finished", "prusc", "12", "93.6", "38"} <= set(first.split())
        assert "43%" in second
        assert "12 min" in second
        assert "1:06:40" in second
        assert all(cell_len(line) <= width for line in rows(app))
        if width >= 120:
            assert "a-name-of-usual-length" in first


def test_columns_are_given_up_one_by_one_and_status_and_name_never():
    wanted = wanted_widths([row("a-name-of-usual-length", tags=("paper",))])
    before = tuple(BY_KEY)
    for width in range(200, 10, -1):
        columns = lay_out(wanted, width)
        keys = tuple(column.key for column, _ in columns)
        assert set(keys) <= set(before)
        assert keys[:2] == ("status", "name")
        assert sum(size + run_columns.GAP for _, size in columns) - run_columns.GAP <= max(width, 13)
        before = keys
    assert before == ("status", "name")


def test_wide_characters_and_control_characters_are_measured_as_they_are_shown():
    assert wanted_widths([row("数据集")])["name"] == 6
    assert wanted_widths([row("\x1b[2J")])["name"] == len(r"\x1b[2J")


@pytest.mark.parametrize("presets", [("patch-mnist", "multi-mnist"), ("waterbirds-mobilenet", "水鳥")])
def test_runs_of_a_study_are_told_apart_in_a_narrow_column(presets):
    methods = ("prusc", "finetune-only", "last-layer-validation-random")
    names = [f"bench-study/{m}/{preset}/seed-{n}" for m in methods for preset in presets for n in (1, 2)]
    for width in (26, 30, 40):
        runs = [row(name, tags=("bench-study",)) for name in names]
        shown = [cells(run, BY_KEY["name"], width, NOW, SHELL)[0].text for run in runs]
        assert len(set(shown)) == len(names)
        assert {cell_len(text) for text in shown} == {width}
        whole = [text.strip() == name for text, name in zip(shown, names, strict=True)]
        assert all(fits or text.startswith("…/") for fits, text in zip(whole, shown, strict=True))
        assert all(fits == (cell_len(name) <= width) for fits, name in zip(whole, names, strict=True))


def test_the_shortest_parts_of_a_name_stay_whole():
    summary = row("bench-digits/prusc/patch-mnist/seed-1", tags=("bench-digits",)).summary
    assert short_name(summary, 26) == "…/prusc/patch-mnist/seed-1"
    assert short_name(summary, 22) == "…/prusc/pat…ist/seed-1"


def test_a_long_name_of_its_own_keeps_both_ends():
    shown = [
        cells(row(f"a-name-of-more-than-usual-length-{n}"), BY_KEY["name"], 16, NOW, SHELL)[0].text for n in (1, 2)
    ]
    assert shown == ["a-name-o…ength-1", "a-name-o…ength-2"]


def test_time_left_changes_seldom():
    texts = [time_left(seconds) for seconds in (None, 0.0, 59.0, 60.0, 3599.0, 3600.0, 90_000.0)]
    assert texts == ["", "0 s", "59 s", "1 min", "60 min", "1.0 h", "1.0 d"]


async def test_a_validation_score_is_marked_and_stands_under_the_others():
    told = Evaluation("validation", (Group("a", {}, 10, 5), Group("b", {}, 10, 9)), (0.5, 0.5))
    half = StageRecord("erm", "done", evaluations={"validation": told.to_json()})
    app = stage([row("whole"), row("half", "stopped", stages=(half,))])
    async with app.run_test(size=(120, 12)) as pilot:
        await until(pilot, lambda: "50.0ᵛ" in rows(app)[2])
        whole, half_line = rows(app)[1:3]
        assert whole.index("93.6") == half_line.index("50.0")
        assert "93.6ᵛ" not in whole


async def test_states_have_marks_and_a_stopping_run_says_so():
    states = ("queued", "finished", "stopped", "failed", "lost")
    shown = [row(state, state) for state in states]
    shown.append(row("bye", "running", live={"stage": "prune", "progress": 0.5, "stopping": True}))
    shown.append(row("uncounted", "running", live={"stage": "cluster"}))
    app = stage(shown)
    async with app.run_test(size=(100, 20)) as pilot:
        await until(pilot, lambda: "uncounted" in rows(app)[7])
        lines = rows(app)
        for mark, state, line in zip("◦✓■✗?", states, lines[1:], strict=False):
            assert f"{mark} {state}" in line
        assert "▸ stopping…" in lines[6]
        assert "50%" not in lines[6]
        assert "▸ cluster" in lines[7]


async def test_text_of_files_is_shown_and_never_obeyed():
    nasty = row("[red]x\x1b]0;t\x07", recipe="[b]r", data="\x1b[2Jd", tags=("\x1b[2J", "[i]"))
    app = stage([nasty])
    async with app.run_test(size=(160, 10)) as pilot:
        await until(pilot, lambda: "[red]x" in rows(app)[1])
        line = rows(app)[1]
        for text in (r"[red]x\x1b]0;t\x07", "[b]r", r"\x1b[2Jd", r"\x1b[2J [i]"):
            assert text in line
        assert "\x1b" not in "".join(rows(app))


async def test_the_keys_move_the_cursor_and_the_page_follows():
    shown = many(100)
    app = stage(shown)
    async with app.run_test(size=(100, 21)) as pilot:
        table = app.screen.query_one(RunTable)
        await until(pilot, lambda: table.current == shown[0].id)

        async def press(key, index):
            await pilot.press(key)
            assert table.current == shown[index].id, key
            await until(pilot, lambda: f"run-{index:05d}" in place(app)[1])

        for key, index in [("down", 1), ("j", 2), ("up", 1), ("k", 0), ("up", 0), ("end", 99), ("down", 99)]:
            await press(key, index)
        assert place(app)[0] == 20
        for key, index in [("home", 0), ("G", 99), ("g", 0), ("pagedown", 19), ("pagedown", 38), ("pageup", 19)]:
            await press(key, index)


async def test_the_cursor_stays_on_its_run_when_rows_come_move_and_are_filtered():
    shown = many(60)
    app = stage(shown)
    async with app.run_test(size=(100, 21)) as pilot:
        table = app.screen.query_one(RunTable)
        table.action_move(30)
        await until(pilot, lambda: "run-00030" in place(app)[1])
        line = place(app)[0]
        table.show([row("new"), *shown])
        await until(pilot, lambda: "run-00030" in place(app)[1])
        assert place(app)[0] == line  # what one reads does not jump
        table.show(shown[::-1])
        await until(pilot, lambda: "run-00030" in place(app)[1])
        table.show(shown[:3])
        await until(pilot, lambda: table.current == shown[2].id)
        table.show(shown)
        await until(pilot, lambda: "run-00030" in place(app)[1])
        assert table.current == shown[30].id


async def test_a_new_run_is_seen_by_one_who_stands_at_the_top():
    shown = many(60)
    app = stage(shown)
    async with app.run_test(size=(100, 21)) as pilot:
        table = app.screen.query_one(RunTable)
        await until(pilot, lambda: place(app)[0] == 1)
        table.show([row("brand-new"), *shown])
        await until(pilot, lambda: place(app)[0] == 2)
        assert "brand-new" in rows(app)[1]
        assert table.current == shown[0].id


async def test_no_rows_no_cursor():
    app = stage(many(3))
    async with app.run_test(size=(100, 10)) as pilot:
        table = app.screen.query_one(RunTable)
        await until(pilot, lambda: table.current is not None)
        table.show([], nothing="no run matches")
        await until(pilot, lambda: "no run matches" in rows(app)[2])
        assert table.current is None
        await pilot.press("down", "G", "pageup")
        assert app.screen.heard[-1] == ("moved", None)


async def test_the_mouse_sorts_moves_marks_opens_and_scrolls():
    shown = many(60)
    app = stage(shown)
    async with app.run_test(size=(100, 21)) as pilot:
        table = app.screen.query_one(RunTable)
        await until(pilot, lambda: "worst" in rows(app)[0])
        await pilot.click(RunTable, offset=(rows(app)[0].index("worst"), 0))
        assert app.screen.heard[-1] == ("sort", "worst")
        await pilot.click(RunTable, offset=(rows(app)[0].index("name") + 1, 0))
        assert app.screen.heard[-1] == ("sort", "name")
        await pilot.click(RunTable, offset=(30, 5))
        assert table.current == shown[4].id
        await pilot.click(RunTable, offset=(1, 7))
        assert table.marked == {shown[6].id}
        assert "●" in rows(app)[7]
        await pilot.click(RunTable, offset=(30, 3), times=2)
        assert app.screen.heard[-1] == ("opened", shown[2].id)
        await pilot._post_mouse_events([MouseScrollDown], RunTable, (30, 5))
        await until(pilot, lambda: table.scroll_offset.y > 0)
        assert table.current == shown[2].id


async def test_the_sorted_column_has_an_arrow():
    app = stage(many(3))
    async with app.run_test(size=(160, 10)) as pilot:
        table = app.screen.query_one(RunTable)
        await until(pilot, lambda: "▼started" in rows(app)[0])
        table.show_sorted("name", False)
        await until(pilot, lambda: "name▲" in rows(app)[0])
        table.show_sorted("worst", True)
        await until(pilot, lambda: "▼worst" in rows(app)[0])
        assert rows(app)[0].count("▼") == 1


async def test_only_the_lines_that_changed_are_painted_again(monkeypatch):
    shown = [row("live", "running", live={"stage": "prune", "progress": 0.1, "left": 60.0}), *many(9)]
    app = stage(shown)
    async with app.run_test(size=(100, 21)) as pilot:
        table = app.screen.query_one(RunTable)
        await until(pilot, lambda: "run-00008" in rows(app)[10])
        painted = []
        refresh = table.refresh
        monkeypatch.setattr(table, "refresh", lambda *where, **how: (painted.extend(where), refresh(*where, **how)))
        table.show(list(shown))
        assert painted == []
        # The seconds left are others, and round to what is there.
        table.show([replace(shown[0], left=62.0), *shown[1:]])
        assert painted == []
        table.show([replace(shown[0], progress=0.6), *shown[1:]])
        assert [region.y for region in painted] == [1]
        painted.clear()
        table.action_move(3)
        assert [region.y for region in painted] == [1, 4]
