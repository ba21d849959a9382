"""Filters of any text: a query that matches some runs, or a sentence with the column."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.runs.fields import ALIASES, FIELDS
from core.runs.query import parse, sort
from tests.hostile import refusal
from tests.tui.lab import record_of

RUNS = [record_of("a").summary(), record_of("b", "queued", seed=3, note="x y", tags=("t",)).summary()]
OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "~", ":", "==")
LETTER = st.characters(exclude_characters="\"'()<>=~:!", exclude_categories=["Z", "C"])
WORD = st.text(LETTER, min_size=1, max_size=6)
VALUE = WORD | st.sampled_from(["none", "80%", "5m", "2026-01-31", "1e999", "-1", '"x y"', "9" * 400, "0001-01-01"])
TERM = st.builds("{}{}{}".format, st.sampled_from([*FIELDS, *ALIASES]), st.sampled_from(OPERATORS), VALUE)
QUERY = st.recursive(
    TERM | WORD,
    lambda inner: (
        st.builds("({})".format, inner)
        | st.builds("not {}".format, inner)
        | st.builds("{} and {}".format, inner, inner)
        | st.builds("{} or {}".format, inner, inner)
    ),
    max_leaves=5,
)


@given(QUERY | st.text(max_size=20))
def test_a_filter_works_or_is_refused_with_its_column(text):
    if (sentence := refusal(parse, text)) is not None:
        assert sentence.startswith("filter, column ")
    else:
        assert {parse(text).matches(run) for run in RUNS} <= {True, False}


@given(TERM, TERM)
def test_and_or_and_not_are_those_of_logic(one, other):
    if refusal(parse, one) or refusal(parse, other):
        return
    left, right = parse(one), parse(other)
    for run in RUNS:
        a, b = left.matches(run), right.matches(run)
        assert parse(f"{one} and {other}").matches(run) == (a and b)
        assert parse(f"{one} {other}").matches(run) == (a and b)
        assert parse(f"{one} or {other}").matches(run) == (a or b)
        assert parse(f"not ({one} or {other})").matches(run) == (not a and not b)


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_sorts_and_its_reverse_is_the_reverse(name):
    rising, falling = sort(RUNS, name), sort(RUNS, f"-{name}")
    assert sorted(run["id"] for run in rising) == sorted(run["id"] for run in falling) == sorted(r["id"] for r in RUNS)


@given(st.datetimes(datetime(1971, 1, 2), datetime(2999, 12, 31)), st.integers(0, 60))
def test_a_moment_is_found_by_the_day_it_is_of(moment, minutes):
    run = {**RUNS[0], "created": moment.timestamp()}
    assert parse(f"created={moment.date()}").matches(run)
    assert parse(f"created={moment:%Y-%m-%dT%H:%M}").matches(run)
    assert not parse(f"created<{moment.date()}").matches(run)
