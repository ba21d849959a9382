"""The line above the table of runs, and the page of an empty home."""

from pathlib import Path

from rich.text import Text

from core.runs.text import safe_text
from prusc_tui.palette import MARKS, Palette


def head(total: int, shown: int, running: int, marked: int, root: Path, width: int, palette: Palette) -> Text:
    """Number of runs, of visible, active and marked ones, and the path of the home."""
    line = Text("prusc-tui", f"bold {palette.accent}", no_wrap=True)
    if total:
        word = "run" if total == 1 else "runs"
        count = f"{total:,} {word}" if shown == total else f"{shown:,} of {total:,} {word}"
        line.append(f"  {count}", palette.text)
    if running:
        line.append(f"  {MARKS['running']} {running} running", palette.of_state("running"))
    if marked:
        line.append(f"  ● {marked} marked", f"bold {palette.text}")
    place = short_path(root, max(0, width - line.cell_len - 2))
    return line.append(" " * max(2, width - line.cell_len - len(place))).append(place, palette.muted)


def welcome(palette: Palette) -> Text:
    """How to start."""
    text, loud, muted = palette.text, f"bold {palette.text}", palette.muted
    return Text.assemble(
        ("No runs yet\n\n", loud),
        ("press ", text),
        ("n", f"bold {palette.accent}"),
        (" to start one; the preset ", text),
        ("demo", loud),
        (" takes a minute or two on a laptop\n\n", text),
        ("from a shell: prusc run demo\n", muted),
        ("all keys: ?", muted),
        justify="center",
    )


def short_path(path: Path, width: int) -> str:
    """A path with ~ for the user's folder; its beginning is cut if it is too long."""
    try:
        shown = f"~/{path.relative_to(Path.home())}"
    except (ValueError, RuntimeError):  # outside it, or a user without a home folder
        shown = str(path)
    shown = safe_text(shown)
    if len(shown) <= width:
        return shown
    return f"…{shown[len(shown) - width + 1 :]}" if width > 8 else ""
