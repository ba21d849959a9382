"""Lines of a stream that anybody may have written: an event of the declared kinds of values, or nothing."""

import dataclasses

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import events
from core.events import KINDS, Event, Stamped, decode, encode
from core.fits import misfit
from tests.core.test_events import EXAMPLES
from tests.hostile import JSON


@given(st.binary(max_size=30) | JSON.map(orjson.dumps))
def test_a_line_of_any_kind_is_no_event(line):
    assert decode(line) is None


@given(st.sampled_from(sorted(KINDS)), st.dictionaries(st.text(max_size=4), JSON, max_size=3), JSON)
def test_an_event_with_values_of_any_kind_is_one_or_none(kind, values, time):
    fields = [field.name for field in dataclasses.fields(KINDS[kind])]
    named = dict(zip(fields, values.values(), strict=False))
    found = decode(orjson.dumps({"kind": kind, "t": time, **named}))
    assert found is None or isinstance(found.event, KINDS[kind])


@given(st.data())
def test_one_value_of_another_kind_is_an_event_that_can_be_shown_or_none(data):
    event = data.draw(st.sampled_from(EXAMPLES))
    line = orjson.loads(encode(event, 1.0))
    name = data.draw(st.sampled_from([field.name for field in dataclasses.fields(event)]))
    found = decode(orjson.dumps(line | {name: data.draw(JSON)}))
    if found is not None:
        assert misfit(type(event), {name: line[name]}, nan=True) is None
        assert isinstance(found.event.line(), str | None)


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.kind)
def test_what_the_program_writes_fits_its_own_declarations(event):
    assert decode(encode(event, 1.5)) == Stamped(1.5, event)
    assert isinstance(event, Event)
    assert type(event).__name__ in events.__all__
