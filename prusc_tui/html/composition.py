"""Composition of pseudo-groups and environments."""

from collections.abc import Sequence

from core.events import PseudoGroupsFound, conflicts_sentence
from core.feed.snapshot import Snapshot
from core.words import percent
from prusc_tui.html.markup import Markup, tag
from prusc_tui.html.tables import table
from prusc_tui.report.frame import finder_facts
from prusc_tui.tables.grid import Cell, Grid, Line

FOR_INFORMATION = "By true group, for information: counted after the choice, which did not depend on it."


def pseudo_groups(snapshot: Snapshot) -> list[Markup | None]:
    """Who found them, their composition, and what is known of their quality."""
    found = snapshot.pseudo_groups
    if found is None:
        return []
    by = ", ".join(finder_facts(snapshot.choice, found))
    conflicts = conflicts_sentence(found.conflicts)
    facts = [f"Found by {by}", f"{conflicts[:1].upper()}{conflicts[1:]}", found.reason]
    if (balanced := snapshot.balanced) is not None:
        total = sum(map(sum, found.table))
        facts.append(f"The balanced set has {balanced.size:,} entries of {total:,} images, by rule '{balanced.rule}'")
    sentence = " ".join(f"{fact.rstrip('.')}." for fact in facts if fact)
    columns = [(f"{label}", [row[i] for row in found.table]) for i, label in enumerate(found.labels)]
    if balanced is not None and len(balanced.table) == len(found.table):
        columns.append(("in the balanced set", [sum(row) for row in balanced.table]))
    own = _counts("pseudo-group", found.titles, columns, "Training images of every label.")
    true = None
    if found.groups:
        shares = [(title, [row[i] for row in found.group_table]) for i, title in enumerate(found.groups)]
        true = _counts("pseudo-group", found.titles, shares, FOR_INFORMATION)
    return [tag("p", sentence), table(own), _quality(snapshot, found), table(true) if true else None]


def environments(snapshot: Snapshot) -> list[Markup | None]:
    """Composition of the environments."""
    made = snapshot.environments
    if made is None:
        return []
    facts = [
        made.source,
        f"{made.used:,} of {made.total:,} training images are in an environment",
        conflicts_sentence(made.conflicts),
    ]
    sentence = " ".join(f"{fact[:1].upper()}{fact[1:]}." for fact in facts if fact)
    by_label = [(label, [row[i] for row in made.table]) for i, label in enumerate(made.labels)]
    by_group = [(title, [row[i] for row in made.group_table]) for i, title in enumerate(made.groups)]
    return [
        tag("p", sentence),
        table(_counts("environment", made.names, by_label, "Training images of every label.")),
        table(_counts("environment", made.names, by_group, FOR_INFORMATION)) if made.groups else None,
    ]


def _counts(corner: str, titles: Sequence[str], columns: Sequence[tuple[str, Sequence[int]]], about: str) -> Grid:
    lines = (
        Line(title, tuple(Cell(f"{column[row]:,}", is_number=True) for _, column in columns))
        for row, title in enumerate(titles)
    )
    return Grid(corner, tuple(head for head, _ in columns), (tuple(lines),), about)


def _quality(snapshot: Snapshot, found: PseudoGroupsFound) -> Markup | None:
    """What ERM gains in its worst cell if its head is refitted on the balanced set, for every finder tried."""
    tried = found.tried or ([{"source": found.source, **found.quality}] if found.quality else [])
    if not tried:
        return None

    def count(value: float | None) -> Cell:
        return Cell("–" if value is None else f"{value:,.0f}", is_number=True)

    lines = tuple(
        Line(
            str(one["source"]),
            (
                count(one.get("conflicts")),
                count(one.get("size")),
                *(Cell(percent(one.get(key)), is_number=True) for key in _MEASURES),
            ),
        )
        for one in tried
    )
    said = snapshot.record.final_evaluation("validation")
    about = "Accuracy of the ERM network in per cent, and with its head refitted on the balanced set (probe); "
    about += "cells: their average; validation split" + (f", n = {said['n']:,}" if said else "")
    heads = ("conflict samples", "balanced set", *_MEASURES.values())
    return table(Grid("quality of", heads, (lines,), f"{about}; no group labels used."))


_MEASURES = {
    "worst_cell": "worst cell",
    "probed": "worst cell, probe",
    "cells": "cells",
    "probed_cells": "cells, probe",
    "average": "average",
    "probed_average": "average, probe",
}
