"""Output of `prusc data`: a data set as an object and as tables, the report of a check, and progress."""

import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table
from rich.text import Text

from core.data.dataset import agreement, environment_conflicts, group_counts
from core.groups import group_titles
from core.runs.text import safe_text
from experiments.data.sets import colours_gone, facts_of, published
from prusc_tui.words import console

if TYPE_CHECKING:
    from core.config import DataSettings
    from core.data.check import Report
    from core.data.dataset import DataSet
    from core.data.draft import Problem
    from core.data.splits import SplitName
    from core.data.table import ImageTable

SHOWN, FEW = 10, 3  # problems and notes of one kind listed as text; the object has them all


def describe(
    settings: "DataSettings", dataset: "DataSet", splits: Iterable["SplitName"], table: "ImageTable | None" = None
) -> dict[str, Any]:
    """Describe some splits of a data set (with its table, if in a folder) as `--json` prints it; no image is read."""
    titles = group_titles(dataset.label_names, dataset.attributes)
    comparable = [name for name, values in dataset.attributes.items() if len(values) == len(dataset.label_names)]
    described = {}
    for name in splits:
        split = dataset.splits[name]
        known = table.published.get(name, {}) if table else {}
        described[name] = {
            "n": len(split),
            "published": table.published_sizes.get(name) if table else None,
            "agreement": {key: share for key, share in agreement(split, dataset).items() if key in comparable},
            "groups": [
                {
                    "label": label,
                    "attributes": values,
                    "n": int(n),
                    "share": int(n) / len(split),
                    "published": known.get(" · ".join([label, *values.values()])),
                }
                for (label, values), n in zip(titles, group_counts(split, dataset), strict=True)
            ],
            "environments": [
                {"name": environment, "n": n, "conflicts": conflicts, "conflict_share": conflicts / n}
                for environment, (n, conflicts) in environment_conflicts(split, dataset).items()
            ],
        }
    return {
        "name": dataset.name,
        "fingerprint": dataset.fingerprint or None,
        "settings": settings.model_dump(mode="json"),
        "image_shape": list(dataset.splits["train"].images.shape[1:]),
        "labels": list(dataset.label_names),
        "attributes": {name: list(values) for name, values in dataset.attributes.items()},
        "mean": list(dataset.mean),
        "std": list(dataset.std),
        "splits": described,
        **({"table": {"file": table.file, "rows": len(table), "notes": list(table.notes)}} if table else {}),
    }


def print_tables(about: Mapping[str, Any]) -> None:
    """Print the object of `describe` as tables."""
    out = console()
    facts = Table(box=None, show_header=False, pad_edge=False)
    facts.add_row("data set", Text(safe_text(about["name"])), style="bold")
    facts.add_row("images", f"{' × '.join(map(str, about['image_shape']))}, uint8{colours_gone(about['settings'])}")
    for name, value in facts_of(about).items():
        facts.add_row(name, Text(safe_text(value)))
    out.print(facts)
    for name, split in about["splits"].items():
        words = [f"{split['n']:,} images", published(split["n"], split["published"])]
        words += [f"P({key} = label) {share:.3f}" for key, share in split["agreement"].items()]
        out.print(Text.assemble("\n", (name, "bold"), "  ", safe_text(", ".join(filter(None, words)))))
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for heading in ("label", *about["attributes"]):
            table.add_column(Text(safe_text(heading)))
        for heading in ("n", "share"):
            table.add_column(heading, justify="right")
        known = any(group["published"] is not None for group in split["groups"])
        if known:
            table.add_column("")
        for group in split["groups"]:
            cells = [Text(safe_text(text)) for text in (group["label"], *group["attributes"].values())]
            beside = [published(group["n"], group["published"])] if known else []
            table.add_row(*cells, f"{group['n']:,}", f"{group['share']:.1%}", *beside)
        out.print(table)
        if split["environments"]:
            out.print(_environments_table(split["environments"]))


def _environments_table(environments: Iterable[dict[str, Any]]) -> "Table":
    table = Table("given environment", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("n", "conflicts"):
        table.add_column(heading, justify="right")
    for each in environments:
        table.add_row(Text(safe_text(each["name"])), f"{each['n']:,}", f"{each['conflict_share']:.1%}")
    return table


def report_object(name: str, report: "Report") -> dict[str, Any]:
    """The report of a check, as the object that `--json` prints."""
    problems, notes = (
        [
            {"kind": each.kind, "file": each.file or None, each.unit: each.line or None, "text": each.text}
            for each in found
        ]
        for found in (report.problems, report.notes)
    )
    about = {"name": name, "root": str(report.root), "table": report.file or None}
    return {**about, "rows": report.rows, "opened": report.opened, "problems": problems, "notes": notes}


def report_lines(name: str, report: "Report") -> Iterable[str]:
    """The report of a check, as lines of plain text."""
    yield name if name == str(report.root) else f"{name}  {report.root}"
    rows = f"{report.rows:,} rows in {report.file}" if report.file else f"{report.rows:,} images in folders"
    yield f"{report.opened:,} images opened, {rows}"
    yield from _by_kind("✗", report.problems, SHOWN)
    yield from _by_kind("·", report.notes, FEW)
    if not report.problems:
        yield from [""] * bool(report.notes)
        yield "✓ no problems found"


def _by_kind(mark: str, problems: "Sequence[Problem]", most: int) -> Iterable[str]:
    """Problems under their kinds, at most `most` of each."""
    for kind in dict.fromkeys(problem.kind for problem in problems):
        found = [problem for problem in problems if problem.kind == kind]
        yield ""
        yield f"{mark} {kind}: {len(found):,}"
        yield from (f"  {problem.sentence}" for problem in found[:most])
        if len(found) > most:
            yield f"  … and {len(found) - most:,} more (list all with --json)"


class Ticker:
    """Progress on standard error: one line updated in place on a terminal, elsewhere a new line every ten seconds."""

    def __init__(self, number: Callable[[int], str] = "{:,}".format) -> None:
        self._number = number
        self._terminal = sys.stderr.isatty()
        self._pause = 0.2 if self._terminal else 10.0
        self._next = time.monotonic() + self._pause
        self._width = 0

    def __call__(self, doing: str, done: int, total: int) -> None:
        """Write the progress, unless it was written a moment ago."""
        if done < total and time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self._pause
        line = f"{doing}: {self._number(done)} of {self._number(total)}"
        self._width = max(self._width, len(line))
        sys.stderr.write(f"\r{line:<{self._width}}" if self._terminal else f"{line}\n")
        if self._terminal and done >= total:
            sys.stderr.write("\r" + " " * self._width + "\r")
        sys.stderr.flush()
