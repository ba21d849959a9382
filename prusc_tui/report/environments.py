"""Composition of the environments, and quality of the conflict samples behind them."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from core.events import EnvironmentsMade, conflicts_sentence
from core.feed.snapshot import Snapshot
from core.words import percent
from prusc_tui import words
from prusc_tui.chart.curves import MARKS
from prusc_tui.palette import Palette
from prusc_tui.widgets.bars import fit, heading, ink, meter, safe, shorten, wrap

STAGE = "environments"
TEXTURES = "█▓▒░"  # fillings of the parts of a bar, so that neighbours differ without colour
MOST_ROWS = 16  # maximum number of groups with a row each; above that, labels have rows
AGAINST = "≠"  # mark of groups whose attribute conflicts with their label
NAME, CELL = 24, 16  # cells of the longest name of an environment, and of a column with count and share
SHARE = 19  # cells of a share's label and percentage, without its bar
LEAST_CELL = 9  # cells of a column with the share alone


@dataclass(frozen=True, slots=True)
class Makeup:
    """Composition of the environments (environments × parts) by group or label.

    Of each part: its name, number of its label, and whether its attribute conflicts with that; empty if unknown.
    """

    by: str
    parts: tuple[str, ...]
    labels: tuple[int, ...]
    against: tuple[bool, ...]
    counts: Sequence[Sequence[int]]


def makeup_of(made: EnvironmentsMade) -> Makeup:
    """Composition by group if groups are known and few enough, else by label."""
    n = len(made.labels)
    if not made.groups or len(made.groups) % n or len(made.groups) > MOST_ROWS:
        return Makeup("label", tuple(map(safe, made.labels)), tuple(range(n)), (), made.table)
    values = len(made.groups) // n
    labels = tuple(i // values for i in range(len(made.groups)))
    tails = [title.removeprefix(f"{made.labels[label]} · ") for title, label in zip(made.groups, labels, strict=True)]
    # Value v of a single attribute agrees with label v; of several attributes, any may be the spurious one.
    alone = values == n and not any(" · " in tail for tail in tails)
    against = tuple(i % values != label for i, label in enumerate(labels)) if alone else ()
    return Makeup("group", tuple(map(safe, made.groups)), labels, against, made.group_table)


def environments(made: EnvironmentsMade, width: int, palette: Palette) -> list[Text]:
    """Return the used share, a bar per environment, and a table of their parts, in lines of `width` cells."""
    makeup = makeup_of(made)
    return [
        heading("Environments", safe(made.source), width, palette),
        *_used(made, width, palette),
        fit("", width),
        *_bars(made, makeup, width, palette),
        fit("", width),
        *_table(made, makeup, width, palette),
    ]


def conflicts(made: EnvironmentsMade, width: int, palette: Palette) -> list[Text]:
    """Return the number of conflict samples found, with precision and recall if attributes are known."""
    found = made.conflicts.get("found")
    if found is None:
        return []
    title = "Conflict samples"
    if "true" not in made.conflicts:
        text = f"{found:,} samples count as conflicts; there is no single attribute to check them against."
        return [heading(title, f"{found:,} found", width, palette), *wrap(ink(text, palette.muted), width)]
    true, hits = made.conflicts["true"], made.conflicts.get("hits", 0)
    note = f"{found:,} found; for information, not used to choose"
    if cell_len(title) + 2 + cell_len(note) > width:
        note = f"{found:,} found; for information"
    notes = [f"  {hits:,} of {found:,} found are true", f"  {hits:,} of {true:,} true ones are found"]
    if width < SHARE + 8 + max(map(cell_len, notes)):
        notes = [f"  {hits:,} of {found:,}", f"  {hits:,} of {true:,}"]
    bar = max(4, min(40, width - SHARE - max(map(cell_len, notes))))
    return [
        heading(title, note, width, palette),
        _share("precision", _ratio(hits, found), bar, notes[0], width, palette),
        _share("recall", _ratio(hits, true), bar, notes[1], width, palette),
    ]


def in_brief(made: EnvironmentsMade, width: int, palette: Palette) -> list[Text]:
    """Names, sizes, used share, and quality of the conflict samples, for an overview."""
    sizes = _sizes(made)
    facts = [f"{size:,} in {safe(name)}" for name, size in zip(made.names, sizes, strict=True)]
    facts.append(f"{percent(_ratio(made.used, made.total))} % of training used")
    lines = [
        heading("Environments", safe(made.source), width, palette),
        *wrap(ink(" · ".join(facts), palette.text), width),
    ]
    if text := conflicts_sentence(made.conflicts):
        lines += wrap(ink(text, palette.muted), width)
    return lines


def waiting(snapshot: Snapshot) -> str:
    """Return a sentence: why there are no environments; empty if there are."""
    if snapshot.environments is not None:
        return ""
    if any(stage.name == STAGE and stage.state == "running" for stage in snapshot.stages):
        return "The environments are being made …"
    return words.waiting(snapshot, "environments", STAGE)


def name_of(made_names: Sequence[str], index: int, width: int, palette: Palette) -> Text:
    """Mark and name of an environment, in the colour of its curves."""
    mark = ink(f"{MARKS[index % len(MARKS)]} ", palette.of_series(index))
    return mark.append(shorten(safe(made_names[index]), max(1, width - 2)), palette.text)


def _sizes(made: EnvironmentsMade) -> list[int]:
    return [sum(row) for row in made.table]


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def _used(made: EnvironmentsMade, width: int, palette: Palette) -> list[Text]:
    """Share of the training split in an environment, and in several of them."""
    share = made.used / made.total if made.total else 0.0
    value = f"  {made.used:,} of {made.total:,} training images used, {percent(_ratio(made.used, made.total))} %"
    room = width - cell_len(value)
    if room >= 8:
        lines = [fit(meter(share, min(room, 40), palette.accent, palette).append(value, palette.text), width)]
    else:
        lines = wrap(ink(value.strip(), palette.text), width)
    sizes = _sizes(made)
    if (more := sum(sizes) - made.used) > 0:
        text = (
            f"{more:,} images are in both."
            if len(sizes) == 2
            else f"Sizes add up to {sum(sizes):,}: some images are in several."
        )
        lines += wrap(ink(text, palette.muted), width)
    return lines


def _bars(made: EnvironmentsMade, makeup: Makeup, width: int, palette: Palette) -> list[Text]:
    """A bar of parts for each environment, all of one length, followed by its size."""
    names = min(NAME, width // 3, 2 + max(cell_len(safe(name)) for name in made.names))
    sizes = [f"{size:,}" for size in _sizes(made)]
    numbers = max(map(len, sizes)) + 2
    room = max(4, width - names - 1 - numbers)
    lines = []
    for index, counts in enumerate(makeup.counts):
        line = fit(name_of(made.names, index, names, palette), names).append(" ")
        for part, cells in enumerate(_portions(counts, room)):
            # The colour of its label, different from those of environments.
            style = palette.of_series(len(made.names) + makeup.labels[part])
            texture = TEXTURES[part % len(TEXTURES)]
            # The same background behind full blocks hides gaps that some fonts leave between cells.
            line.append(texture * cells, f"{style} on {style}" if texture == "█" else style)
        if not sum(counts):
            line.append_text(fit("empty", room, palette.bad))
        lines.append(fit(line.append_text(fit(sizes[index], numbers, f"bold {palette.text}", right=True)), width))
    return lines


def _portions(counts: Sequence[int], cells: int) -> list[int]:
    """Distribute cells by count, largest remainders first; each non-empty part gets a cell if there are enough."""
    total = sum(counts)
    if not total:
        return [0] * len(counts)
    there = sum(count > 0 for count in counts)
    least = 1 if there <= cells else 0
    spare = cells - least * there
    exact = [max(0.0, count * cells / total - least * (count > 0)) for count in counts]
    scale = spare / sum(exact) if sum(exact) else 0.0
    whole = [int(value * scale) for value in exact]
    order = sorted(range(len(counts)), key=lambda i: (whole[i] - exact[i] * scale, i))
    for i in order[: spare - sum(whole)]:
        whole[i] += 1
    return [part + least * (count > 0) for part, count in zip(whole, counts, strict=True)]


def _table(made: EnvironmentsMade, makeup: Makeup, width: int, palette: Palette) -> list[Text]:
    """Parts down, environments across: number of samples, and their share in per cent."""
    n = len(made.names)
    titles = [2 + cell_len(part) + (2 if makeup.against else 0) for part in makeup.parts]
    # The rows of headings and of sums have titles of their own.
    titles += [len(f"by {makeup.by}, %"), len(f"{AGAINST} against label") if makeup.against else 0]
    label = min(max(titles) + 1, max(14, width * 2 // 5))
    cell = next((size for size in (CELL, LEAST_CELL) if label + size * n <= width), LEAST_CELL)
    shown = max(1, min(n, (width - label) // cell))
    title = fit(f"by {makeup.by}, %" if cell < CELL else f"by {makeup.by}", label, palette.muted)
    for index in range(shown):
        title.append_text(fit(name_of(made.names, index, cell - 2, palette), cell, right=True))
    lines = [fit(title, width)]
    sizes = _sizes(made)

    def row(head: Text, counts: Sequence[int], style: str, quiet: str) -> Text:
        line = fit(head, label)
        for index in range(shown):
            share = percent(_ratio(counts[index], sizes[index]))
            if cell < CELL:
                line.append_text(fit(share, cell, style, right=True))
                continue
            line.append_text(fit(f"{counts[index]:,}", cell - 8, quiet, right=True))
            line.append_text(fit(f"{share} %", 8, style, right=True))
        return fit(line, width)

    for part, name in enumerate(makeup.parts[:MOST_ROWS]):
        head = ink(f"{TEXTURES[part % len(TEXTURES)]} ", palette.of_series(n + makeup.labels[part]))
        mark = f" {AGAINST}" if makeup.against and makeup.against[part] else ""
        head.append(shorten(name, label - 3 - len(mark)) + mark, palette.text)
        counts = [counts[part] for counts in makeup.counts]
        lines.append(row(head, counts, palette.text, palette.muted))
    if (rest := len(makeup.parts) - MOST_ROWS) > 0:
        lines.append(fit(f"… {rest:,} more {makeup.by}s", width, palette.muted))
    if makeup.against:
        sums = [sum(c for c, no in zip(counts, makeup.against, strict=True) if no) for counts in makeup.counts]
        head = ink(f"{AGAINST} ", f"bold {palette.text}").append("against label", f"bold {palette.text}")
        lines.append(row(head, sums, f"bold {palette.text}", palette.text))
    if n > shown:
        lines.append(fit(f"… {n - shown} more for a wider terminal", width, palette.muted))
    return lines


def _share(label: str, ratio: float, bar: int, note: str, width: int, palette: Palette) -> Text:
    """A share as a bar and in per cent, with a note."""
    line = fit(label, 10, palette.text)
    line.append_text(meter(0.0 if ratio != ratio else ratio, bar, palette.accent, palette))
    value = f"{percent(ratio)} %" if ratio == ratio else "–"
    line.append_text(fit(value, SHARE - 10, f"bold {palette.text}", right=True))
    return fit(line.append(note, palette.muted), width)
