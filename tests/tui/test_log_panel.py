"""The log of a run: what is told, following, the console from its end, searching, and what is safe to show."""

import pytest

from core.events import Logged, Progress, RunFinished, RunStarted, StageFinished, StageStarted, Warned
from core.feed.feed import RunFeed
from core.runs.stream import EventWriter
from prusc_tui.views.log import VIEW, tail
from prusc_tui.views.log import view as log_view
from prusc_tui.views.log.tail import Console, Line, LogTail
from prusc_tui.views.log.view import LogView, broken
from tests.tui.lab import NOW, all_read, finished_run, put, record_of, rows, running_run, text, until
from tests.tui.stage import Alone


class Screen(Alone):
    """The log alone; how often escape was left to the screen is counted."""

    BINDINGS = [("escape", "leave_screen")]  # noqa: RUF012

    def __init__(self, folder):
        super().__init__(lambda: VIEW.open(folder, None), RunFeed(folder, lambda: NOW))
        self.left = 0

    def action_leave_screen(self):
        self.left += 1


def broken_run(home, lines=0):
    """A failed run with a console of so many lines and a traceback."""
    folder = put(home, record_of("broken", "failed", reason="no memory"))
    with EventWriter(folder.events) as writer:
        writer.write(RunStarted(1, "here", "cpu", False), NOW - 86400)
        writer.write(StageStarted("erm", 200), NOW - 86400)
        writer.write(Warned("erm", "code", "evil \x1b]0;title\x07 [bold]text"), NOW)
        writer.write(RunFinished("failed", "no memory"), NOW)
    said = "".join(f"line {i} of the console\n" for i in range(lines))
    folder.log.write_text(f"{said}Traceback (most recent call last):\n  File x\nMemoryError: \x1b[31m[red]no memory")
    return folder


def read_all(pieces):
    """What a reader yields, put together by the plain rule."""
    lines, unfinished, earlier = [], "", 0
    for piece in pieces:
        texts = [line.text for line in piece.lines]
        lines = {"after": lines + texts, "before": texts + lines, "anew": texts}[piece.place]
        unfinished = piece.unfinished if piece.place != "before" else unfinished
        earlier = piece.earlier if piece.place != "after" else earlier
    return lines, unfinished, earlier


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_the_log_opens_at_its_end_with_marks_and_times(home, size):
    app = Screen(finished_run(home))
    async with app.run_test(size=size) as pilot:
        app.look()
        await until(pilot, lambda: "✓ run finished" in text(app))
        assert "events  at the end" in text(app)
        assert "✓ finetune: done in 2.0 s" in text(app)
        line = next(row for row in rows(app) if "run finished" in row)
        clock, mark = line.split()[:2]
        assert clock.count(":") == 2
        assert mark == "✓"


async def test_a_failed_run_says_where_its_traceback_is_and_c_shows_it(home):
    app = Screen(broken_run(home))
    async with app.run_test(size=(100, 24)) as pilot:
        app.look()
        await until(pilot, lambda: "✗ run failed: no memory" in text(app))
        assert "c shows the console, with the traceback" in text(app)
        assert "▸ erm: starts, 200 steps" in text(app)
        assert r"! erm: warning: evil \x1b]0;title\x07 [bold]text" in text(app)
        await pilot.press("c")
        await until(pilot, lambda: r"MemoryError: \x1b[31m[red]no memory" in text(app))
        assert "3 lines" in text(app)
        await pilot.press("c")
        await until(pilot, lambda: "✗ run failed" in text(app))


async def test_a_run_without_a_console_says_so(home):
    app = Screen(finished_run(home))
    async with app.run_test(size=(80, 24)) as pilot:
        app.look()
        await pilot.press("c")
        await until(pilot, lambda: "No console: the process of this run printed to its own terminal." in text(app))


async def test_it_follows_at_the_end_and_stays_where_one_has_scrolled_to(home):
    folder, writer = running_run(home)
    app = Screen(folder)
    with writer:
        async with app.run_test(size=(80, 10)) as pilot:
            app.look()
            await until(pilot, lambda: "following ▾" in text(app) and "prune: starts" in text(app))
            writer.write(StageFinished("prune", 5.0, 0.5), NOW)
            app.look()
            await until(pilot, lambda: "prune: done in 5.0 s" in text(app))
            await pilot.press("home")
            await until(pilot, lambda: "run starts" in text(app) and "line " in text(app))
            before = rows(app)[1:]
            writer.write(StageStarted("finetune", 60), NOW)
            count = app.panel.view.count
            app.look()
            await until(pilot, lambda: app.panel.view.count > count)
            await pilot.pause()
            assert [row.rstrip("▁▂▃▄▅▆▇█ ") for row in rows(app)[1:]] == [row.rstrip("▁▂▃▄▅▆▇█ ") for row in before]
            await pilot.press("end")
            await until(pilot, lambda: "finetune: starts" in text(app) and "following ▾" in text(app))


async def test_nothing_is_painted_where_nothing_worth_a_line_came(home, monkeypatch):
    folder, writer = running_run(home)
    app = Screen(folder)
    painted = []
    refresh = LogView.refresh
    with writer:
        async with app.run_test(size=(80, 24)) as pilot:
            app.look()
            await until(pilot, lambda: "prune: starts" in text(app))
            await all_read(pilot)
            monkeypatch.setattr(LogView, "refresh", lambda self, *r, **o: painted.append(r) or refresh(self, *r, **o))
            writer.write(Progress("prune", 20, 200), NOW)
            app.panel.show(app.feed.poll())
            await all_read(pilot)
            assert painted == []
            writer.write(Logged("hello"), NOW)
            app.panel.show(app.feed.poll())
            await until(pilot, lambda: "hello" in text(app))
            assert painted


async def test_a_long_console_is_read_from_its_end_and_back_as_one_scrolls(home, monkeypatch):
    monkeypatch.setattr(tail, "CHUNK", 1000)
    app = Screen(broken_run(home, 2000))
    async with app.run_test(size=(80, 24)) as pilot:
        app.look()
        await pilot.press("c")
        await until(pilot, lambda: "2,003 lines" in text(app) and "MemoryError" in text(app))
        view = app.panel.view
        assert view.count < 100
        for _ in range(12):
            await pilot.press("pageup")
            await all_read(pilot)
        assert 200 < view.count < 1000
        # What is at the bottom is the line of the number that is told, in spite of what came before it.
        last = next(row for row in reversed(rows(app)) if "of the console" in row)
        number = int(last.split()[1]) + 1
        assert f"line {number:,} of 2,003" in text(app)
        await pilot.press("home")
        await until(pilot, lambda: " line 0 of the console" in text(app))
        assert view.count == 2003


async def test_search_lights_up_hits_whatever_the_case_and_goes_round(home):
    app = Screen(broken_run(home, 300))
    async with app.run_test(size=(80, 24)) as pilot:
        app.look()
        await pilot.press("c")
        await until(pilot, lambda: "MemoryError" in text(app))
        await pilot.press("slash", *"LINE 29")
        await until(pilot, lambda: "11 of 11" in text(app))
        assert app.panel.view.hits == [29, *range(290, 300)]
        await pilot.press("down")
        await until(pilot, lambda: "1 of 11" in text(app) and " line 29 of the console" in text(app))
        assert "line 30 of 303" in text(app)
        await pilot.press("up")
        await until(pilot, lambda: "11 of 11" in text(app))
        await pilot.press("enter")
        await until(pilot, lambda: " 1 of 11" in text(app))
        shown = [s for strip in app.screen._compositor.render_strips(app.size) for s in strip]
        assert [s.text for s in shown if s.style and s.style.reverse and "29" in s.text] == ["line 29"]
        await pilot.press("x")
        await until(pilot, lambda: "not found" in text(app))
        await pilot.press("escape")
        await until(pilot, lambda: "esc done" not in text(app))
        assert app.left == 0
        assert app.focused is app.panel
        await pilot.press("escape")
        await until(pilot, lambda: app.left == 1)


async def test_a_search_finds_what_had_not_been_read_yet(home, monkeypatch):
    monkeypatch.setattr(tail, "CHUNK", 1000)
    app = Screen(broken_run(home, 2000))
    async with app.run_test(size=(80, 24)) as pilot:
        app.look()
        await pilot.press("c")
        await until(pilot, lambda: "MemoryError" in text(app))
        await pilot.press("slash", *"line 3 of")
        await until(pilot, lambda: app.panel.view.hits == [3])
        await pilot.press("enter")
        await until(pilot, lambda: " line 3 of the console" in text(app))


async def test_only_the_newest_lines_are_kept(home, monkeypatch):
    monkeypatch.setattr(log_view, "KEPT", 100)
    app = Screen(finished_run(home))
    async with app.run_test(size=(40, 12)) as pilot:
        view = app.panel.view
        await pilot.pause()
        view.replace([])
        for i in range(250):
            view.append([Line(f"number {i}")])
        await until(pilot, lambda: "number 249" in text(app))
        assert 100 <= view.count <= 110
        assert view.dropped == 250 - view.count
        view.move(-(10**6))
        await until(pilot, lambda: f"number {view.dropped}" in text(app))


async def test_a_narrower_terminal_wraps_anew(home):
    app = Screen(finished_run(home))
    async with app.run_test(size=(200, 40)) as pilot:
        app.look()
        await until(pilot, lambda: "run finished" in text(app))
        await pilot.resize_terminal(60, 40)
        await until(pilot, lambda: app.panel.view.virtual_size.width < 60)
        await until(pilot, lambda: "run finished" in text(app))
        flat = " ".join(" ".join(row.split()) for row in rows(app))
        assert "finetune: test: worst group 93.6 %" in flat
        assert "average 94.7 % (n = 9,600)" in flat


@pytest.mark.parametrize("width", [1, 2, 7, 20, 61])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "word " * 30,
        "x" * 200,
        "/a/long/path/without/blanks " * 4,
        "数字 とても長い文字列 mixed " * 5,
        "    in",
    ],
)
def test_rows_of_a_line_are_the_line_and_fit(text, width):
    from rich.cells import cell_len

    parts = broken(text, width)
    assert "".join(parts) == text
    assert parts
    if width > 1:
        # A blank may hang over the edge: nothing is drawn there.
        assert all(cell_len(part.removesuffix(" ")) <= width for part in parts)


def test_words_stay_whole_where_there_are_blanks():
    parts = broken("the quick brown fox jumps over the lazy dog", 12)
    assert [part.strip() for part in parts] == ["the quick", "brown fox", "jumps over", "the lazy dog"]


@pytest.mark.parametrize("chunk", [7, 64, 1000, 10**6])
@pytest.mark.parametrize("end", ["", "unfinished"])
def test_a_console_read_backwards_is_the_file(tmp_path, monkeypatch, chunk, end):
    monkeypatch.setattr(tail, "CHUNK", chunk)
    lines = [f"{i}" if i % 3 else "" for i in range(200)]
    path = tmp_path / "console.log"
    path.write_text("".join(f"{line}\n" for line in lines) + end)
    console = Console(lambda: path)
    pieces = [*console.newer()]
    assert pieces[0].earlier + len(pieces[0].lines) == 200 or len(end) > chunk
    pieces += console.older(10**6)
    found, unfinished, earlier = read_all(pieces)
    assert found == lines or len(end) > chunk
    assert end.endswith(unfinished)
    assert earlier == 0


def test_a_console_gives_what_is_new_and_starts_anew_when_it_was_cut(tmp_path):
    path = tmp_path / "console.log"
    path.write_text("one\ntw")
    console = Console(lambda: path)
    first = [*console.newer()]
    assert read_all(first) == (["one"], "tw", 0)
    with path.open("a") as file:
        file.write("o\r\nthree\tx")
    second = [*console.newer()]
    assert [piece.place for piece in second] == ["after"]
    assert read_all(first + second) == (["one", "two"], "three   x", 0)
    path.write_text("a\n")
    third = [*console.newer()]
    assert read_all(first + second + third) == (["a"], "", 0)


def test_a_line_without_end_is_cut_and_bytes_that_are_no_text_are_shown(tmp_path):
    path = tmp_path / "console.log"
    path.write_bytes(b"y" * 10_000 + b"\n\xff\x00\n")
    ((piece),) = Console(lambda: path).newer()
    assert piece.lines[0].text == "y" * tail.LONGEST + "…"
    assert piece.lines[1].text == r"�\x00"


def test_the_date_is_told_where_the_day_changes(home):
    folder = broken_run(home)
    lines = [line for piece in LogTail(folder.events).newer() for line in piece.lines]
    assert [bool(line.when) for line in lines] == [False, True, True, False, True, True]
    assert [line.mark for line in lines if line.when] == ["▸", "▸", "!", "✗"]
