"""The page: one run with all of its parts, or several runs compared, each with its parts below."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from core.feed.snapshot import Snapshot
from prusc_tui import __version__
from prusc_tui.html import comparison
from prusc_tui.html.accuracy import cards
from prusc_tui.html.figures import Figure
from prusc_tui.html.markup import Markup, joined, tag
from prusc_tui.html.run import Section, heading_of, sections
from prusc_tui.html.svg import drawn
from prusc_tui.words import moment

STYLE = Path(__file__).with_name("style.css")
NOTHING_ELSE = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""The browser refuses whatever is not in the file."""


def page(snapshots: Sequence[Snapshot], images: Mapping[str, Markup | None], now: float) -> tuple[str, list[Figure]]:
    """Return the page and its figures.

    Args:
        snapshots: of the runs, at least one.
        images: id of a run → its sample images.
        now: seconds since 1970.
    """
    figures: list[Figure] = []

    def draw(figure: Figure) -> Markup:
        figures.append(figure)
        return drawn(figure)

    if len(snapshots) == 1:
        (snapshot,) = snapshots
        title, top = snapshot.record.name, [heading_of(snapshot), cards(snapshot)]
        parts = list(sections(snapshot, images.get(snapshot.record.id), draw))
    else:
        title, top = f"{len(snapshots)} runs compared", [comparison.heading(snapshots)]
        parts = list(comparison.sections([one.record for one in snapshots], draw))
        for one in snapshots:
            below = sections(one, images.get(one.record.id), draw, one.record.id)
            inner = joined([heading_of(one), cards(one), *(_section(part, "h3") for part in below)])
            fold = tag("details", tag("summary", "Everything about this run"), tag("div", inner, class_="run"))
            parts.append(Section(one.record.name, fold))
    made = f"Made by prusc-tui {__version__} on {moment(now, 0.0)}. This file is complete: it loads nothing."
    return _document(title, top, parts, made), figures


def _document(title: str, top: Sequence[Markup], parts: Sequence[Section], made: str) -> str:
    links = [tag("a", part.title, href=f"#part-{number}") for number, part in enumerate(parts)]
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=NOTHING_ELSE),
        tag("title", title),
        tag("style", Markup(STYLE.read_text(encoding="utf-8"))),
    )
    body = tag(
        "body",
        tag("header", tag("h1", title), *top, tag("nav", *links)),
        tag("main", *(_section(part, "h2", f"part-{number}") for number, part in enumerate(parts))),
        tag("footer", tag("p", made, class_="note")),
    )
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='en')}\n"


def _section(part: Section, heading: str, anchor: str | None = None) -> Markup:
    return tag("section", tag(heading, part.title), part.body, id=anchor)
