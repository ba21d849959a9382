"""Work of `prusc data init`: show a proposal, ask about its doubts, and write the settings file."""

import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core.data.folder_look import FolderLook
from core.data.proposal import choice_of
from core.errors import InputError
from core.paths import expanded
from core.runs.disk import write_whole
from experiments.data import settings_file
from prusc_tui.words import answered, print_json, say

if TYPE_CHECKING:
    from core.data.proposal import Doubt, Proposal
    from core.data.table import ImageTable

NONE = "none"
FEW = 6  # values of a column that are listed
FEW_PROBLEMS = 3  # problems of one kind that are listed
_FLAGS = {
    "table": "--table FILE",
    "path": "--path COLUMN",
    "label": "--label COLUMN",
    "attributes": "--attribute COLUMN",
    "split": "--split COLUMN",
    "ignore": "--ignore LABEL",
    "validation share": "--validation-share SHARE",
}
"""Key of a doubt → the option that answers it."""

_CAN_BE_NONE = ("table", "attributes", "split", "ignore")


def stated(
    table: str | None,
    path: str | None,
    label: str | None,
    attribute: list[str] | None,
    split: str | None,
    mapped: list[str] | None,
    ignore: list[str] | None,
    validation_share: float | None,
) -> dict[str, tuple[str, ...]]:
    """Options as answers to doubts; raises InputError if one of `--map` has no split."""
    given: dict[str, Sequence[str] | None] = {
        "table": None if table is None else [table],
        "path": None if path is None else [path],
        "label": None if label is None else [label],
        "attributes": attribute or None,
        "split": None if split is None else [split],
        "ignore": ignore or None,
        "validation share": None if validation_share is None else [str(validation_share)],
    }
    for text in mapped or ():
        value, equals, name = text.rpartition("=")
        if not equals:
            raise InputError(f"--map {text}: expected VALUE=SPLIT, such as tune=validation")
        given[f"split {value}"] = [name]
    return {
        key: tuple(value for value in values if value != NONE or key not in _CAN_BE_NONE)
        for key, values in given.items()
        if values is not None
    }


def run(
    root: str,
    answers: dict[str, tuple[str, ...]],
    preset: str | None,
    to: Path | None,
    *,
    ask: bool,
    overwrite: bool,
    json: bool,
) -> None:
    """Propose settings, ask on a terminal, and write the file; raises InputError before anything is written."""
    folder = Path(root)
    file = folder / settings_file.NAME if to is None else Path.cwd() / expanded(to)
    if file.exists() and not overwrite:
        raise InputError(f"{file}: exists already; edit it, or replace it with --overwrite")
    look = FolderLook(folder)
    proposal = settings_file.propose(look, answers)
    while ask and proposal.doubts and on_terminal():
        doubt = proposal.doubts[0]
        answers[doubt.key] = _asked(doubt)
        proposal = look.propose(answers)
    for doubt in proposal.doubts:
        if doubt.guess is None:
            raise InputError(f"{folder / proposal.source}: {doubt.question} Say so with {_flag(doubt)}")
    table = settings_file.table_of(proposal, folder)
    text = settings_file.text_of(
        proposal.settings, preset or settings_file.PRESET, None if file.parent == folder else folder
    )
    try:
        write_whole(file, text.encode())
    except OSError as error:
        raise InputError(f"{file}: cannot be written ({error.strerror}); choose another place with --to FILE") from None
    if json:
        print_json(**_object(file, folder, proposal))
        return
    say(*_lines(folder, proposal, table))
    where = shlex.quote(str(folder if to is None else file))
    say(
        "",
        f"wrote {file}",
        f"to check the images:  prusc data check {where}",
        f"to start a run:       prusc run prusc --data {where}",
    )


def on_terminal() -> bool:
    """Whether somebody can answer."""
    return sys.stdin.isatty()


def _asked(doubt: "Doubt") -> tuple[str, ...]:
    """Ask on the terminal until the answer is valid."""
    default = None if doubt.guess is None else ", ".join(value or '""' for value in doubt.guess) or NONE
    say(doubt.question)
    if doubt.choices:
        say(f"  {', '.join(doubt.choices)}{f'; several with commas, or {NONE}' * doubt.several}")
    while True:
        reply = answered("  answer", default)
        if doubt.guess is not None and reply == default:
            return doubt.guess
        parts = [part.strip().strip('"') for part in reply.split(",")] if doubt.several else [reply.strip()]
        chosen = tuple(part for part in parts if part != NONE)
        wrong = [part for part in chosen if doubt.choices and not choice_of(part, doubt.choices)]
        if not wrong and (chosen or doubt.several):
            return chosen
        say(f"  '{', '.join(wrong)}' is not a choice")


def _flag(doubt: "Doubt") -> str:
    return _FLAGS.get(doubt.key) or f"--map {shlex.quote(doubt.key.removeprefix('split ') + '=SPLIT')}"


def _lines(folder: Path, proposal: "Proposal", table: "ImageTable") -> Iterable[str]:
    from core.data.correlation import empty_groups, few_conflicts, given_away

    yield f"{folder}  {proposal.source or 'folders named by class'}, {proposal.rows:,} rows"
    for seen in proposal.seen:
        values = [f"{value or '(empty)'} {rows:,}" for value, rows in seen.values.items()]
        more = f", … ({len(values):,} values)" if len(values) > FEW else ""
        shown = f"such as {next(iter(seen.values))}" if seen.role == "path" else ", ".join(values[:FEW]) + more
        yield f"  {seen.role:<10} {seen.column:<14} {shown}"
    counts = [int((table.splits == number).sum()) for number in range(3)]
    yield "  images     " + ", ".join(f"{n:,} {name}" for name, n in zip(_SPLITS, counts, strict=True))
    for note in dict.fromkeys([*proposal.notes, *table.notes]):
        yield f"· {note}"
    for found in (given_away(table), empty_groups(table), few_conflicts(table)):
        problems = list(found)
        yield from (f"! {problem.text}" for problem in problems[:FEW_PROBLEMS])
        if len(problems) > FEW_PROBLEMS:
            yield f"! … and {len(problems) - FEW_PROBLEMS:,} more like this (list them with: prusc data check)"
    for doubt in proposal.doubts:
        yield f"? {doubt.question} Taken: {', '.join(value or '(empty)' for value in doubt.guess or ()) or NONE}"
        yield f"  change it with {_flag(doubt)} --overwrite"


_SPLITS = ("training", "validation", "test")


def _object(file: Path, folder: Path, proposal: "Proposal") -> dict[str, object]:
    return {
        "file": str(file),
        "root": str(folder),
        "table": proposal.source or None,
        "rows": proposal.rows,
        "settings": dict(proposal.settings),
        "columns": [{"role": seen.role, "column": seen.column, "values": dict(seen.values)} for seen in proposal.seen],
        "headings": list(proposal.columns),
        "notes": list(proposal.notes),
        "doubts": [
            {"question": doubt.question, "taken": list(doubt.guess or ()), "option": _flag(doubt)}
            for doubt in proposal.doubts
        ],
    }
