"""Pictures in place of half blocks: where they are, when they are sent again, and that none is left behind."""

import re

import pytest
from PIL import Image
from rich.console import Console
from rich.text import Text
from textual.app import App
from textual.drivers.headless_driver import HeadlessDriver
from textual.screen import ModalScreen

from prusc_tui.graphics import PLACEHOLDER
from prusc_tui.palette import SHELL
from prusc_tui.protocols import Terminal
from prusc_tui.widgets.bars import fit
from prusc_tui.widgets.halfblock import HALF, half_blocks
from prusc_tui.widgets.picture import Picture

WIDE, HIGH = 6, 3
AT = re.compile(r"\x1b7\x1b\[(\d+);(\d+)H\x1bP0;1;0q\"1;1;(\d+);(\d+)")
STORED, FORGOTTEN = re.compile(r"\x1b_Ga=T,[^;]*i=(\d+)"), re.compile(r"\x1b_Ga=d,[^\x1b]*i=(\d+)")


class Board(App):
    """A line of text, and below it a picture after three cells."""

    palette = SHELL
    CSS = "Picture { margin: 1 0 0 2; }"

    def __init__(self, terminal):
        super().__init__()
        self.terminal = terminal
        self.picture = Picture(self.draw)
        self.colour = "red"

    def draw(self, width, height, palette):
        image = Image.linear_gradient("L").resize((12, 12))
        rows = half_blocks(
            Image.merge("RGB", [image, image, Image.new("L", (12, 12), self.colour == "red")]), WIDE, HIGH
        )
        return [Text("above"), *(fit(Text("   ").append_text(row), width) for row in rows), Text("below")]

    def compose(self):
        yield self.picture


@pytest.fixture
def sent(monkeypatch):
    """All that is written to the terminal but the frames."""
    texts = []
    monkeypatch.setattr(HeadlessDriver, "write", lambda self, text: texts.append(text))
    monkeypatch.setattr(Terminal, "cell", property(lambda self: (8, 15)))
    return texts


async def painted(pilot, sent, count):
    """Wait for `count` pictures; where they are, with their size in pixels."""
    for _ in range(100):
        found = AT.findall("".join(sent))
        if len(found) >= count:
            return [tuple(map(int, one)) for one in found]
        await pilot.pause(0.02)
    raise AssertionError(f"{len(found)} pictures instead of {count}")


async def test_sixel_is_painted_over_its_cells_and_again_when_they_are_sent_again(sent):
    app = Board(Terminal("sixel"))
    async with app.run_test(size=(40, 12)) as pilot:
        # Line 1 is the margin and line 2 the text; two cells of margin and three of text are on the left.
        assert {*await painted(pilot, sent, 1)} == {(3, 6, 8 * WIDE, 15 * HIGH)}
        sent.clear()
        app.picture.refresh()
        await painted(pilot, sent, 1)
        assert HALF in app.picture.lines[1]  # is below it


async def assert_nothing_is_painted(pilot, app, sent):
    await pilot.pause(0.1)
    sent.clear()
    app.picture.refresh()
    await pilot.pause(0.1)
    assert not AT.findall("".join(sent))


async def test_nothing_is_painted_where_something_else_is_in_front(sent):
    app = Board(Terminal("sixel"))
    async with app.run_test(size=(18, 8), notifications=True) as pilot:
        await painted(pilot, sent, 1)
        app.push_screen(ModalScreen())
        await assert_nothing_is_painted(pilot, app, sent)
        app.pop_screen()
        await painted(pilot, sent, 1)
        app.notify("1\n2\n3\n4\n5")
        await assert_nothing_is_painted(pilot, app, sent)
        app.clear_notifications()
        await painted(pilot, sent, 1)


async def test_kitty_shows_it_in_cells_and_forgets_all_that_it_was_sent(sent, monkeypatch):
    app = Board(Terminal("kitty", placeholders=True))
    monkeypatch.setattr(Console, "color_system", property(lambda self: "truecolor"))
    async with app.run_test(size=(40, 12)) as pilot:
        await pilot.pause(0.1)
        assert [line.count(PLACEHOLDER) for line in app.picture.lines] == [0, *[WIDE] * HIGH, 0]
        assert app.picture.lines[1].startswith(f"   {PLACEHOLDER}")
        first = STORED.findall("".join(sent))
        app.picture.touch()
        await pilot.pause()
        assert STORED.findall("".join(sent)) == first  # it has it already
        app.colour = "blue"
        app.picture.touch()
        await pilot.pause()
        assert FORGOTTEN.findall("".join(sent)) == first
        await app.picture.remove()
        assert sorted(FORGOTTEN.findall("".join(sent))) == sorted(STORED.findall("".join(sent)))


async def test_a_terminal_without_pictures_gets_half_blocks_and_nothing_else(sent):
    app = Board(Terminal())
    async with app.run_test(size=(40, 12)) as pilot:
        await pilot.pause(0.1)
        assert HALF in app.picture.lines[1]
        assert not re.search(r"\x1b[P_]", "".join(sent))
