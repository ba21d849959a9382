"""Filtering and sorting of runs, and the input line of the filter: a valid filter applies, an invalid one explains."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from rich.text import Text
from textual import on
from textual.message import Message

from core.errors import InputError
from core.feed.board import Row, Rows
from core.runs.fields import ALIASES, FIELDS
from core.runs.query import Query, parse, sort
from core.runs.text import safe_text
from prusc_tui.palette import palette_in
from prusc_tui.widgets.filter_bar import FilterBar

_LAST_WORD = re.compile(r"(?<![^\s(])(?P<name>[a-z_]+)(?:[:=](?P<value>[^\s()\"'<>=~:]+))?$", re.IGNORECASE)

STATES = ("running", "queued", "stopped", "failed", "lost", "finished")
"""Statuses by urgency."""


def ordered(rows: Rows, field: str, turned: bool) -> list[str]:
    """Ids of all rows, sorted by a field as in `core.runs.query.sort`, or in reverse; the status sorts by urgency."""
    found: list[Mapping[str, Any]] = [row.summary for row in rows.all]
    if field == "status":
        found.sort(key=lambda summary: STATES.index(summary["status"]), reverse=turned)
    elif turned:
        found = sort(found, field.removeprefix("-") if field.startswith("-") else f"-{field}")
    else:
        found = sort(found, field)
    return [summary["id"] for summary in found]


def pick(rows: Rows, query: Query, order: Sequence[str]) -> list[Row]:
    """The rows that match, in the order of these ids."""
    matches = query.matches
    return [row for row in map(rows.by_id.__getitem__, order) if matches(row.summary)]


class RunFilter(FilterBar):
    """A filter over runs."""

    DEFAULT_CSS = """
    RunFilter #sign { width: 3; padding: 0 1; }
    RunFilter #note { max-width: 60%; }
    """

    class Filtered(Message):
        """The filter has changed."""

    def __init__(self) -> None:
        super().__init__("recipe:prusc wga>0.8 tag:paper text")
        self.query_in_force: Query = parse("")

    @property
    def meanwhile(self) -> Query | None:
        """The query while the last word may still be incomplete.

        `wga` may become `wga>0.8`, so it is omitted; `tag:pa` may become `tag:paper`, so a prefix matches.
        """
        text = self.query_in_force.text
        if (word := _LAST_WORD.search(text)) is not None:
            name = word["name"].lower()
            if word["value"] is not None:
                text = f"{text[: word.end('name')]}~{word['value']}"
            elif any(field.startswith(name) for field in (*FIELDS, *ALIASES)):
                text = text[: word.start()]
            else:
                return None
            with suppress(InputError):  # such as a trailing `not`, or a prefix of a number
                return parse(text)
        return None

    @on(FilterBar.Changed)
    def _parse(self, message: FilterBar.Changed) -> None:
        message.stop()
        why = Text()
        try:
            query = parse(message.text)
        except InputError as error:
            why = Text(safe_text(str(error)).removeprefix("filter, "), palette_in(self.app).warn)
        else:
            if query.text.strip() != self.query_in_force.text.strip():
                self.query_in_force = query
                self.post_message(self.Filtered())
        self.note(why)
