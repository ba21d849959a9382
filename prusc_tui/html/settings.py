"""The settings of a run, what computed it, and how to repeat it."""

from core.feed.snapshot import Snapshot
from core.words import duration
from experiments.order import again, shown
from prusc_tui.html.markup import Markup, joined, tag
from prusc_tui.html.tables import table
from prusc_tui.resolved import Resolved, resolve
from prusc_tui.tables.grid import Cell, Grid, Line


def settings(snapshot: Snapshot) -> list[Markup | None]:
    """Settings that differ from the defaults, then all."""
    found = resolve(snapshot.record)
    # The recipe is in the heading.
    differ = tuple(_setting(one, snapshot.record.preset) for one in found if one.differs and one.key != "recipe")
    everything = tuple(Line(one.key, (Cell(one.value), Cell(one.default), Cell(one.help))) for one in found)
    heads = ("value", "default")
    return [
        table(Grid("setting", (*heads, "set by"), (differ,))) if differ else tag("p", "All settings are the defaults."),
        tag(
            "details",
            tag("summary", f"All {len(found)} settings"),
            table(Grid("setting", (*heads, "meaning"), (everything,))),
        ),
    ]


def repeat(snapshot: Snapshot) -> list[Markup | None]:
    """Command lines, and what the run was computed with and how long it took."""
    record, order = snapshot.record, again(snapshot.record)
    lines = [f"prusc export {record.id} --to {record.id}", f"prusc show {record.id}"]
    if order is not None:
        lines.insert(0, shown(order.words()))
    shell = tag("pre", *(tag("code", line) for line in lines))
    missing = f"Preset '{record.preset}' is unknown to this version; the settings above are complete."
    facts = {
        "prusc-tui": record.version,
        **(snapshot.software or {"computed with": next((x for x in snapshot.log if x.startswith("torch ")), "")}),
        "run on": f"{record.device} of {record.host}" if record.host else record.device,
        "precision chosen": record.precision,
        "launcher": record.launcher,
        "forked from": record.forked_from or "",
        "time": _times(snapshot),
        "tags": ", ".join(record.tags),
    }
    pairs = [tag(kind, text) for key, value in facts.items() if value for kind, text in (("dt", key), ("dd", value))]
    return [
        shell if order else None,
        None if order else joined([tag("p", missing), shell]),
        tag("dl", *pairs),
    ]


def _setting(one: Resolved, preset: str | None) -> Line:
    by = "hand" if one.by_hand else f"preset {preset}" if preset else "recipe"
    return Line(one.key, (Cell(one.value, stands_out=True), Cell(one.default), Cell(by)))


def _times(snapshot: Snapshot) -> str:
    """Work of each stage, and the sources of reused stages."""
    stages = snapshot.record.stages
    return ", ".join(
        f"{stage.name} {duration(stage.seconds)}" + (f" (reused from {stage.reused})" if stage.reused else "")
        for stage in stages
        if stage.status == "done"
    )
