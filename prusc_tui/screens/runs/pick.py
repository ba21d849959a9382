"""Which runs are shown, and in which order."""

from collections.abc import Mapping
from typing import Any

from core.feed.board import Row, Rows
from core.runs.query import Query, sort

STATES = ("running", "queued", "stopped", "failed", "lost", "finished")
"""In the order in which they ask for attention."""


def pick(rows: Rows, query: Query, field: str, turned: bool) -> list[Row]:
    """Filter and sort.

    Args:
        rows: all runs.
        query: which of them.
        field: as `core.runs.query.sort` takes it; the status sorts by how much it asks for attention.
        turned: the other way round.
    """
    found: list[Mapping[str, Any]] = [row.summary for row in rows.all if query.matches(row.summary)]
    if field == "status":
        found.sort(key=lambda summary: STATES.index(summary["status"]), reverse=turned)
    else:
        found = sort(found, other_way(field) if turned else field)
    return [rows.by_id[summary["id"]] for summary in found]


def other_way(field: str) -> str:
    """`wga` for `-wga`, and back."""
    return field.removeprefix("-") if field.startswith("-") else f"-{field}"
