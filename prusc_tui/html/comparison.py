"""Several runs compared: families of runs that differ only by seed, side by side."""

from collections.abc import Iterator, Sequence

from core.feed.snapshot import Snapshot
from core.groups import wilson_interval
from core.results.compare import Family, GroupSpread, Result, comparable, families, split_of
from core.runs.record import RunRecord
from core.spread import Spread
from prusc_tui.html.figures import Dot, Draw, Intervals, Row
from prusc_tui.html.markup import Markup, joined, tag
from prusc_tui.html.run import Section
from prusc_tui.html.tables import table
from prusc_tui.report.results import headline
from prusc_tui.tables.answers import grids_of_answers
from prusc_tui.tables.comparison import grid_of_family_settings, grids_of_families
from prusc_tui.words import attributes_sentence

OF_ONE = "95 % intervals (Wilson) for one run"
OF_SEVERAL = "mean ± sample standard deviation over seeds"


def heading(snapshots: Sequence[Snapshot]) -> Markup:
    """Names of the runs, and the serious warnings of all."""
    names = ", ".join(f"{one.record.name} ({one.record.id})" for one in snapshots)
    harm = [(one.record.name, warned.text) for one in snapshots for warned in headline(one)]
    return joined(
        [tag("p", names), *(tag("p", f"{name}: {text}", class_="serious", role="alert") for name, text in harm)]
    )


def sections(records: Sequence[RunRecord], draw: Draw) -> Iterator[Section]:
    """For each data set accuracy by group of every family, and the settings in which they differ."""
    sets = list(dict.fromkeys(record.data for record in records))
    for number, data in enumerate(sets):
        own = [record for record in records if record.data == data]
        members, split = families(own), split_of(own)
        on = f" on {data}" if len(sets) > 1 else ""
        if split is None:
            yield Section(f"Accuracy{on}", tag("p", "None of these runs has been evaluated yet."))
        else:
            grids = [one.grid for one in grids_of_families(members, split, paired=False)]
            grids += grids_of_answers(members, split)
            drawings = [draw(figure) for figure in _figures(members, split, f"compared-{number}")]
            yield Section(f"Accuracy{on}", joined([*drawings, *map(table, grids)]))
        differing = grid_of_family_settings(members)
        if differing is not None:
            yield Section(f"Settings that differ{on}", table(differing))


def _figures(members: Sequence[Family], split: str, name: str) -> Iterator[Intervals]:
    """Worst group, average and every group, a dot for each family; a figure for all that have the same groups."""
    for number, kin in enumerate(comparable(members)):
        found = [(one.label, result) for one in kin if (result := one.result(split)) is not None]
        if not found:
            continue
        last = [result for _, result in found]
        several = {len(result.runs) > 1 for result in last}
        marks = " or ".join(text for many, text in ((True, OF_SEVERAL), (False, OF_ONE)) if many in several)
        used = dict.fromkeys(attributes_sentence(r.runs[0].attributes_used, r.runs[0].selection) for r in last)
        basis = f"{split.capitalize()} split, n = {last[0].samples:,}; {'; '.join(used)}."
        about = f"Per cent, {marks}; the best is in colour. {basis}"
        rows = [
            _row("worst group", "", [(label, result.worst, _weakest(result)) for label, result in found]),
            _row("average", "", [(label, result.average, _whole(result)) for label, result in found]),
        ]
        for i, group in enumerate(last[0].groups):
            same = [(label, result.groups[i].accuracy, result.groups[i]) for label, result in found]
            rows.append(_row(group.title, f"n = {group.samples:,}", same))
        title = f"{kin[0].runs[0].data}, after the last stage"
        yield Intervals(f"{name}-{number}", title, about, tuple(rows))


def _row(title: str, note: str, found: Sequence[tuple[str, Spread, GroupSpread | None]]) -> Row:
    best = max((value.mean for _, value, _ in found), default=0.0)
    dots = []
    for label, value, group in found:
        low, high = (group.interval if group is not None else None) or _around(value)
        role = "after" if value.mean == best else "before"
        dots.append(Dot(label, 100 * value.mean, 100 * low, 100 * high, role))
    return Row(title, note, tuple(dots))


def _around(value: Spread) -> tuple[float, float]:
    sd = value.sd or 0.0
    return max(0.0, value.mean - sd), min(1.0, value.mean + sd)


def _whole(result: Result) -> GroupSpread:
    """All samples as one group, whose interval is known if there is one run."""
    n = result.samples
    interval = wilson_interval(round(result.average.mean * n), n) if len(result.runs) == 1 else None
    return GroupSpread("", n, result.average, interval)


def _weakest(result: Result) -> GroupSpread | None:
    """The worst group, whose interval is that of the worst-group accuracy if there is one run."""
    return result.weakest if len(result.runs) == 1 else None
