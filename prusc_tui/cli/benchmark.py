"""Tables of benchmarks, as `prusc table` prints them."""

from collections.abc import Sequence
from typing import Any

from rich.text import Text

from core.errors import InputError
from core.rules import RULES
from core.runs.home import Home
from core.spread import spread
from experiments.catalog import study_names
from experiments.study import Study
from experiments.tables.benchmark import Benchmark, benchmark, best, get_benchmark, verdicts_of
from prusc_tui.tables.benchmark import accuracies, averages, errors, finders, pairs, proxies, seconds, tidy
from prusc_tui.tables.grid import Grid, latex, markdown
from prusc_tui.tables.page import missing_sentence, page
from prusc_tui.tables.text import parts as pieces
from prusc_tui.tables.text import printed
from prusc_tui.words import console, print_csv, print_json, print_text


def print_benchmark(
    name: str, split: str, format: str, rule: str, test: str, *, json: bool, full: bool = False
) -> None:
    """Print the tables of a benchmark.

    Args:
        name: of the table.
        split: `test`, which `both` means too, or `validation`.
        format: `text`, `markdown`, `latex` or `csv`.
        rule: on validation by which a method is marked as the best.
        test: of the differences, `t` or `wilcoxon`.
        json: print one JSON object instead.
        full: add what a page of results says besides.

    Raises:
        InputError: the table is unknown, or has no finished run.
    """
    if split == "train":
        raise InputError(f"--split train: table '{name}' has test and validation only")
    home = Home.open(create=False)
    study = get_benchmark(home, name)
    found = benchmark(home, study, "test" if split == "both" else split)
    if not found.rows:
        raise InputError(f"there is no finished run for table '{name}'; make them with: {_command(study)}")
    if json:
        about = {"table": name, "study": study.name, "planned": found.planned, "finished": found.finished}
        print_json(**about, runs=list(tidy(found)), **_answers(found, rule, test))
    elif format == "csv":
        print_csv(list(tidy(found)))
    else:
        grids = [*_grids(found, rule, test), *(page(home, found) if full else ())]
        if format == "text":
            _print(found, grids)
        else:
            texts = [markdown(grid) if format == "markdown" else latex(grid, booktabs=False) for grid in grids]
            print_text("\n".join([*texts, *([f"{absent}\n"] if full and (absent := missing_sentence(found)) else [])]))


def _answers(found: Benchmark, rule: str, test: str) -> dict[str, Any]:
    """Means of every cell, the best method on each data set, and the tested differences."""
    tops = {preset: best(found, preset, rule) for preset in found.presets}
    used = RULES[rule]
    return {
        "cells": [
            {
                "recipe": row.entry,
                "data": preset,
                "seeds": [member.seed for member in members],
                "worst": spread([member.worst for member in members]).to_json(),
                "average": spread([member.average for member in members]).to_json(),
            }
            for row in found.rows
            for preset, members in row.cells.items()
        ],
        "best": {
            "rule": rule,
            "split": "validation",
            "uses": used.uses,
            "attributes": used.attributes,
            "recipes": {preset: top.entry for preset, top in tops.items() if top is not None},
        },
        "paired": [
            {
                "data": one.preset,
                "recipe": one.one.entry,
                "minus": one.other.entry,
                "seeds": list(one.pair.seeds),
                "worst": one.verdict.difference.to_json(),
                "average": one.pair.average.to_json(),
                "test": test,
                **one.verdict.to_json(),
            }
            for one in verdicts_of(found, test)
        ],
    }


def _grids(found: Benchmark, rule: str, test: str) -> Sequence[Grid]:
    grids = (
        accuracies(found, rule),
        errors(found),
        pairs(found, test),
        averages(found),
        proxies(found),
        finders(found),
        seconds(found),
    )
    return [grid for grid in grids if grid is not None and grid.lines]


def _print(found: Benchmark, grids: Sequence[Grid]) -> None:
    out = console()
    for grid in grids:
        out.print(Text(grid.about, "bold"))
        for part in pieces(grid, out.width):
            out.print()
            out.print(printed(part))
        for note in grid.notes:
            out.print(Text(note, "dim"))
        out.print()
    out.print(Text("Bold: the best by that rule.", "dim"))
    if found.finished < found.planned:
        number = f"{found.finished} of {found.planned} runs are finished"
        out.print(Text(f"{number}; make the others with: {_command(found.study)}", "dim"))


def _command(study: Study) -> str:
    return f"prusc {'run' if study.name in study_names() else 'sweep'} {study.name}"
