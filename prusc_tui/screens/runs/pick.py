"""Filtering and sorting of runs."""

from collections.abc import Mapping
from typing import Any

from core.feed.board import Row, Rows
from core.runs.query import Query, sort

STATES = ("running", "queued", "stopped", "failed", "lost", "finished")
"""Statuses by urgency."""


def pick(rows: Rows, query: Query, field: str, turned: bool) -> list[Row]:
    """Filter and sort.

    Args:
        rows: all runs.
        query: filter.
        field: as in `core.runs.query.sort`; the status sorts by urgency.
        turned: reverse the order.
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
