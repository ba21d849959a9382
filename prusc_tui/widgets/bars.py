"""Lines of exact width, and bars."""

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from prusc_tui.palette import Palette

EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")
ROOMY = 24
"""Width from which a bar shows intervals shorter than a cell."""


def safe(text: str) -> str:
    """External text without control characters."""
    from core.runs.text import safe_text

    return safe_text(text)


def ink(text: str, style: str = "") -> Text:
    """Text in a style that appended text does not inherit, unlike the style of a whole `Text`."""
    return Text(end="", no_wrap=True).append(text, style or None)


def filled(text: str, width: int, right: bool = False) -> str:
    """Cut or pad plain text to exactly `width` cells, as `fit` does for styled text."""
    length = cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…" if width > 1 else set_cell_size(text, width)
    blank = " " * (width - length)
    return blank + text if right else text + blank


def fit(text: Text | str, width: int, style: str = "", right: bool = False) -> Text:
    """Cut or pad a text to exactly `width` cells, optionally right-aligned."""
    made = ink(text, style) if isinstance(text, str) else text.copy()
    made.truncate(width, overflow="ellipsis")
    gap = width - made.cell_len
    if gap > 0 and right:
        made.pad_left(gap)
    elif gap > 0:
        made.pad_right(gap)
    return made


def shorten(text: str, width: int) -> str:
    """Cut in the middle, as both ends matter: of the title of a group, or of the name of a study's run."""
    if cell_len(text) <= width:
        return text
    if width < 5:
        return fit(text, width).plain
    if text.isascii():  # much faster for a table of many rows
        return f"{text[: width // 2]}…{text[len(text) - (width - 1 - width // 2) :]}"
    head, tail = text, text
    while cell_len(head) > width // 2:
        head = head[:-1]
    while cell_len(tail) > width - 1 - cell_len(head):
        tail = tail[1:]
    return f"{head}…{tail}"


def wrap(text: Text | str, width: int, indent: int = 0) -> list[Text]:
    """Wrap at words into lines of exactly `width` cells; all but the first are indented."""
    from rich.console import Console

    whole = Text(text) if isinstance(text, str) else text
    console = Console(width=max(8, width))
    pieces = whole.wrap(console, max(4, width - indent), no_wrap=False)
    return [fit(Text(" " * (indent if i else 0)).append_text(piece), width) for i, piece in enumerate(pieces)]


def heading(title: str, note: str, width: int, palette: Palette) -> Text:
    """Title, a muted note, and a rule to the edge."""
    line = ink(title, f"bold {palette.text}")
    if note:
        line.append(f"  {note}", palette.muted)
    room = width - line.cell_len - 1
    if room > 2:
        line.append(" ").append("─" * room, palette.track)
    return fit(line, width)


def meter(share: float, width: int, style: str, palette: Palette) -> Text:
    """A share as a heavy line on a thin one, exact to half a cell."""
    halves = round(2 * width * min(1.0, max(0.0, share)))
    line = ink("━" * (halves // 2), style)
    if halves % 2:
        line.append("╸", style)
    return line.append("─" * (width - (halves + 1) // 2), palette.track)


def interval_bar(value: float, interval: tuple[float, float], width: int, style: str, palette: Palette) -> Text:
    """A share as a bar on the axis 0 to 1, its interval as a whisker over the end of the bar; NaN draws no bar.

    Without colour the bar ends where the interval starts.
    """
    if width < 1:
        return Text("")
    line = ink("".join(_grid(width)), palette.track)
    if value != value:
        return line
    low, high = (min(width - 1, int(end * width)) for end in interval)
    filled = value * width
    whole = int(filled)
    part = EIGHTHS[int(8 * (filled - whole))][: width - whole]
    # The same colour behind the blocks hides gaps between cells in some fonts.
    out = ink("█" * whole, f"{style} on {style}").append(part, style).append_text(line[whole + len(part) :])
    if high > low or width >= ROOMY:
        whisker = "├" + "─" * (high - low - 1) + "┤" if high > low else "│"
        over = min(max(round(filled) - low, 0), len(whisker))
        out = out[:low]
        out.append(whisker[:over], f"{palette.background} on {style}").append(whisker[over:], style)
        out.append_text(line[high + 1 :])
    return out


def axis(width: int, palette: Palette) -> Text:
    """The numbers above a bar: 0, 50 and 100, and the quarters if they fit."""
    marks = [" "] * width
    for share in (0, 25, 50, 75, 100) if width >= 34 else (0, 50, 100) if width >= 12 else (0, 100):
        label = str(share)
        at = min(width - len(label), max(0, round(share * width / 100) - len(label) // 2))
        for offset, digit in enumerate(label[: max(0, width)]):
            if 0 <= at + offset < width:
                marks[at + offset] = digit
    return ink("".join(marks), palette.muted)


def _grid(width: int) -> list[str]:
    cells = [" "] * width
    for share in (0.25, 0.5, 0.75) if width >= 34 else (0.5,):
        cells[min(width - 1, int(share * width))] = "┊"
    return cells
