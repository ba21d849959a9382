"""Settings as lines: mark, key, value, default; and an explanation of the one under the cursor."""

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.text import Text

from prusc_tui.palette import Palette
from prusc_tui.resolved import Resolved
from prusc_tui.widgets.bars import fit, heading, ink, safe, shorten, wrap

BY_HAND, DIFFERS, UNKNOWN = "●", "≠", "?"
LEGEND = f"{BY_HAND} by hand  {DIFFERS} by preset"
GUTTER = 4  # cells at the left: cursor bar, mark, spaces


class Heading(NamedTuple):
    """A heading; the cursor skips it."""

    title: str
    note: str = ""


class Fact(NamedTuple):
    """A fact about a run that is not a setting."""

    label: str
    text: str


Line = Heading | Resolved | Fact | None
"""None is an empty line."""


class Widths(NamedTuple):
    """Cells of key and value; the default gets the rest."""

    key: int
    value: int


def lines_of(
    settings: Sequence[Resolved], facts: Sequence[tuple[str, str]], everything: bool, wanted: str
) -> list[Line]:
    """List changed settings, or all by section, or those whose key, value or help have all words; then the facts."""
    words = wanted.casefold().split()
    differing = [one for one in settings if one.differs]
    out: list[Line] = []
    if words or everything:
        shown = [one for one in settings if all(word in _text(one) for word in words)]
        for section in dict.fromkeys(one.section for one in shown):
            members = [one for one in shown if one.section == section]
            out += [*([None] if out else []), Heading(section or "run", members[0].about), *members]
        if not shown:
            out.append(Heading("Nothing found", f"no setting contains “{wanted.strip()}”"))
    else:
        note = f"{len(differing)} of {len(settings)} settings  {LEGEND}" if differing else ""
        title = "Differs from the defaults" if differing else "All settings have their defaults"
        # Settings made by hand come first.
        order = sorted(differing, key=lambda one: not one.by_hand)
        out += [Heading(title, note), *order]
    rest = [Fact(label, text) for label, text in facts if all(w in f"{label} {text}".casefold() for w in words)]
    return [*out, None, Heading("This run"), *rest] if rest else out


def widths(lines: Sequence[Line], width: int) -> Widths:
    """Distribute the width over key, value and default."""
    keys = [cell_len(safe(line.key)) for line in lines if isinstance(line, Resolved)]
    values = [cell_len(safe(line.value)) for line in lines if isinstance(line, Resolved)]
    key = min(max(keys, default=12), max(14, (width - GUTTER) * 2 // 5))
    left = width - GUTTER - key - 4
    return Widths(key, max(8, min(max(values, default=8), left // 2)))


def line(one: Line, at: Widths, width: int, palette: Palette, here: bool, focused: bool) -> Text:
    """Draw one line of the list in `width` cells."""
    match one:
        case None:
            return ink(" " * width)
        case Heading(title, note):
            return heading(safe(title), safe(note), width, palette)
        case Fact(label, text):
            made = _bar(here, focused, palette).append("   ").append_text(fit(label, at.key, palette.muted))
            made.append("  ").append_text(fit(safe(text), max(0, width - GUTTER - at.key - 2), palette.text))
            return fit(made, width)
    mark, style = _mark(one, palette)
    loud = "bold " if one.differs else ""
    made = _bar(here, focused, palette).append(" ").append(mark, style).append(" ")
    made.append_text(fit(shorten(safe(one.key), at.key), at.key, f"{loud}{palette.text}")).append("  ")
    value = palette.accent if one.differs else palette.text
    if not one.differs and one.known:
        return fit(made.append(safe(one.value), palette.text), width)
    made.append_text(fit(safe(one.value), at.value, f"{loud}{value}"))
    beside = f"default {safe(one.default)}" if one.default else "not a setting of this version"
    made.append("  ").append(beside, palette.muted)
    return fit(made, width)


def detail(one: Line, preset: str | None, width: int, height: int, palette: Palette) -> list[Text]:
    """Explain the line under the cursor in exactly `height` lines."""
    lines = _about(one, preset, width, palette)
    return [*lines, *[fit("", width)] * (height - len(lines))][:height]


def _about(one: Line, preset: str | None, width: int, palette: Palette) -> list[Text]:
    if isinstance(one, Fact):
        return [heading(one.label, "", width, palette), *wrap(ink(safe(one.text), palette.text), width)]
    if not isinstance(one, Resolved):
        return []
    out = [heading(safe(one.key), "", width, palette)]
    if not one.known:
        text = "This version has no such setting; the run was made by an older or newer one."
        return out + wrap(ink(text, palette.warn), width)
    out += wrap(ink(one.help or one.about, palette.text), width)
    parts = [f"is {safe(one.value)}"] if one.differs else ["not in this run"] if one.value == "–" else []
    parts.append(f"default {safe(one.default)}")
    if one.by_hand:
        parts.append("set by hand")
    elif one.differs:
        parts.append(f"from preset {safe(preset)}" if preset else "from the recipe")
    if one.expects:
        parts.append(f"takes {one.expects}")
    return out + wrap(ink(" · ".join(parts), palette.muted), width)


def _mark(one: Resolved, palette: Palette) -> tuple[str, str]:
    if one.by_hand:
        return BY_HAND, palette.accent
    if not one.known:
        return UNKNOWN, palette.warn
    return (DIFFERS, palette.accent) if one.differs else (" ", palette.muted)


def _bar(here: bool, focused: bool, palette: Palette) -> Text:
    return ink("▌" if here else " ", palette.accent if focused else palette.muted)


def _text(one: Resolved) -> str:
    return f"{one.key} {one.value} {one.help}".casefold()
