"""A run as sections of a page, the most important first."""

from collections.abc import Iterator
from typing import NamedTuple

from core.events import Warned
from core.feed.snapshot import Snapshot
from core.runs.record import worked
from core.words import duration
from prusc_tui.html.accuracy import by_group, checkpoints, restarts
from prusc_tui.html.composition import environments, pseudo_groups
from prusc_tui.html.course import curve_parts, masks, sparsity
from prusc_tui.html.figures import Draw
from prusc_tui.html.markup import Markup, joined, tag
from prusc_tui.html.settings import repeat, settings
from prusc_tui.report.results import headline


class Section(NamedTuple):
    """A part of the page."""

    title: str
    body: Markup


def heading_of(snapshot: Snapshot) -> Markup:
    """What was run, when and where; serious warnings at once."""
    record = snapshot.record
    facts = [
        f"{record.recipe} on {record.data}",
        f"preset {record.preset}" if record.preset and record.preset not in (record.recipe, record.data) else "",
        f"seed {record.seed}",
        record.device,
        f"{record.status}, {duration(worked(record.summary(), snapshot.taken))} of work",
        f"run {record.id}",
    ]
    harm = [tag("p", warned.text, class_="serious", role="alert") for warned in headline(snapshot)]
    return joined(
        [
            tag("p", " · ".join(fact for fact in facts if fact)),
            tag("p", record.note) if record.note else None,
            *harm,
            tag("p", record.reason, class_="serious", role="alert") if record.reason else None,
        ]
    )


def sections(snapshot: Snapshot, images: Markup | None, draw: Draw, prefix: str = "") -> Iterator[Section]:
    """Every part of which the run has something.

    Args:
        snapshot: of the run.
        images: its sample images, if they are wanted.
        draw: draws a figure.
        prefix: of the names of figures, different for every run of a page.
    """
    parts: tuple[tuple[str, list[Markup | None]], ...] = (
        ("Warnings", _warnings(snapshot)),
        ("Notes", [tag("p", note) for note in snapshot.notes]),
        ("Accuracy by group", by_group(snapshot, draw, prefix)),
        ("Restarts", restarts(snapshot)),
        ("Pseudo-groups", pseudo_groups(snapshot)),
        ("Environments", environments(snapshot)),
        ("Masks", masks(snapshot, draw, prefix)),
        ("Sparsity", sparsity(snapshot, draw, prefix)),
        ("Curves", curve_parts(snapshot, draw, prefix)),
        ("Checkpoints", checkpoints(snapshot)),
        ("Sample images", [images]),
        ("Settings", settings(snapshot)),
        ("To repeat it", repeat(snapshot)),
    )
    for title, body in parts:
        if any(body):
            yield Section(title, joined(body))


def _warnings(snapshot: Snapshot) -> list[Markup | None]:
    """Warnings that the heading does not have, those that a network is not to be used first."""
    said = headline(snapshot)
    rest = sorted((one for one in snapshot.warnings if one not in said), key=lambda one: not one.serious)
    return [_warning(warned) for warned in rest]


def _warning(warned: Warned) -> Markup:
    return tag("p", f"{warned.stage}: {warned.text}", class_="serious" if warned.serious else "warning")
