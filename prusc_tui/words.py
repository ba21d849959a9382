"""Short texts for times, supervision and missing results, and how commands print, the same everywhere.

Commands print only by what is below, which escapes control characters: lines by `say`, what is drawn by `console`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core.runs.text import safe_cell, safe_json, safe_text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from core.feed.snapshot import Snapshot

WIDTH_OF_A_PIPE = 160
"""Columns of tables that go to a file or another program."""
SUPERVISION = {
    "labels": "validation labels",
    "train": "training attributes",
    "validation": "validation attributes",
    "environments": "environments given",
    "shortcut": "shortcut removed",
}
"""`attributes_used` of a run → supervision of its method."""
ORACLES = frozenset({"train", "environments", "shortcut"})
"""Supervision that the method itself has to do without."""


HARM = "!"
"""Mark of a run whose network is not to be used."""
HARM_NOTE = f"{HARM} do not use this network: it predicts one class for everything, or is worse than ERM (prusc show)"


def worst_mark(run: "Mapping[str, Any]") -> str:
    """Mark behind the worst group in a list of runs, given a summary: harm first, else a split other than test."""
    return HARM if run.get("harm") else "" if run["wga_split"] in ("test", None) else "ᵛ"


def waiting(snapshot: "Snapshot", things: str, stage: str) -> str:
    """Return a sentence: why a run has no `things` yet, which its stage `stage` makes."""
    from core.runs.record import ACTIVE

    if all(view.name != stage for view in snapshot.stages):
        return f"Recipe '{safe_text(snapshot.record.recipe)}' makes no {things}."
    if snapshot.status not in ACTIVE:
        return f"There are no {things}: the run is {snapshot.status}, and its log has none."
    now = next((safe_text(view.name) for view in snapshot.stages if view.state == "running"), "")
    at = f"; the run is at '{now}'" if now else f"; the run is {snapshot.status}"
    return f"{things.capitalize()} come with stage '{stage}'{at}."


def unit_of(snapshot: "Snapshot") -> str:
    """What a group of a run's data is called: `group`, or `class` if there are no attributes."""
    evaluations = (looks[-1].evaluation for looks in snapshot.evaluations.values())
    return next((evaluation.unit for evaluation in evaluations if evaluation.groups), "group")


def moment(seconds: float | None, now: float | None = None) -> str:
    """Time of day for the day of `now` (the present moment), the date for other days; local time."""
    import datetime
    import math

    try:
        then = datetime.datetime.fromtimestamp(math.nan if seconds is None else seconds)
    except (ValueError, OverflowError, OSError):  # no time, or one that no calendar has
        return "–"
    today = (datetime.datetime.now() if now is None else datetime.datetime.fromtimestamp(now)).date()
    return then.strftime("%H:%M" if then.date() == today else "%Y-%m-%d %H:%M")


def is_oracle(attributes_used: str) -> bool:
    """Whether a result rests on supervision that the method itself has to do without."""
    return attributes_used in ORACLES


def supervision(attributes_used: str) -> str:
    """Supervision of a method in a word or two, for a table."""
    return SUPERVISION.get(attributes_used) or safe_text(attributes_used)


def attributes_sentence(attributes_used: str, selection: str) -> str:
    """Return a sentence: which attributes a result rests on."""
    selection = safe_text(selection)
    match attributes_used:
        case "train":
            return f"attributes used in TRAINING (an oracle); checkpoints by rule '{selection}'"
        case "validation":
            return f"attributes of the VALIDATION split used to select ('{selection}'), none in training"
        case "labels":
            return f"no attributes used; trained on LABELS of the validation split; checkpoints by rule '{selection}'"
        case "environments":
            return f"training environments GIVEN (an oracle), no attributes; checkpoints by rule '{selection}'"
        case "shortcut":
            return f"the shortcut was removed from the images BY HAND (an oracle); checkpoints by rule '{selection}'"
    return f"no attributes used for training or selection; checkpoints by rule '{selection}'"


def say(*lines: str, aside: bool = False) -> None:
    """Print lines, to standard error if `aside`; a line break within one is escaped, so that it stays one line."""
    import sys

    stream = sys.stderr if aside else sys.stdout
    stream.write("".join(f"{safe_text(line)}\n" for line in lines))
    stream.flush()


def print_text(text: str) -> None:
    """Print a text of several lines, such as a table in Markdown."""
    say(*text.removesuffix("\n").split("\n"))


def confirmed(question: str) -> bool:
    """Whether the user answers a question with yes; raises `typer.Abort` if nobody can."""
    import typer

    return typer.confirm(safe_text(question))  # noqa: TID251


def answered(question: str, default: str | None = None) -> str:
    """The line that the user types, or the default for an empty one; raises `typer.Abort` if nobody can answer."""
    import typer

    shown = question if default is None else f"{question} [{default}]"
    return str(typer.prompt(safe_text(shown), default=default, show_default=False))  # noqa: TID251


def console(*, stderr: bool = False) -> "Console":
    """Console for commands: as wide as the terminal, or wide enough for every table without one."""
    from prusc_tui.console import SafeConsole

    made = SafeConsole(stderr=stderr)
    return made if made.is_terminal else SafeConsole(stderr=stderr, width=WIDTH_OF_A_PIPE)


def print_rows(out: "Console", table: "Table") -> None:
    """Print a table with one line for each row: within the width of the terminal, or whole without one."""
    from rich.measure import Measurement

    from prusc_tui.console import SafeConsole

    if not out.is_terminal:
        needed = Measurement.get(out, out.options.update(max_width=1 << 16), table).maximum
        out = SafeConsole(stderr=out.stderr, width=max(out.width, needed))
    out.print(table)


def print_lines(out: "Console", lines: "Iterable[Text]") -> None:
    """Print lines without trailing blanks, but for those that have a colour behind them."""
    from rich.style import Style

    for line in lines:
        coloured = (span.end for span in line.spans if isinstance(span.style, Style) and span.style.bgcolor)
        if blanks := len(line) - max(len(line.plain.rstrip()), *coloured, 0):
            line.right_crop(blanks)
        out.print(line)


def print_json(**fields: Any) -> None:
    """Print one JSON object, indented; NaN becomes null."""
    import sys

    import orjson

    sys.stdout.write(safe_json(orjson.dumps(fields, option=orjson.OPT_INDENT_2).decode()) + "\n")
    sys.stdout.flush()


def print_csv(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rows as CSV with a heading; all have the keys of the first."""
    import csv
    import sys

    writer = csv.writer(sys.stdout, lineterminator="\n")
    heads = list(rows[0]) if rows else []
    writer.writerow(map(safe_cell, heads))
    writer.writerows([safe_cell(row[head]) for head in heads] for row in rows)
