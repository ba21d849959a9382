"""Names, tags and notes of any text: stored as given or refused, shown as text, and safe as names of files."""

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.record import RunRecord, checked_id
from core.runs.text import as_file_name, bare_cell, safe_cell, safe_json, safe_text, without_controls
from experiments.actions import read_tags
from tests.hostile import EVIL, OBEYED, refusal

TEXT = st.text(max_size=20) | st.sampled_from(
    ["last", " ", "..", "../x", "/x", ".x", EVIL, "=1", "'=1", "-1", "-x", "@"]
)


@given(TEXT)
def test_shown_text_has_nothing_that_a_terminal_obeys_and_is_the_same_when_shown_again(text):
    shown = safe_text(text)
    assert not OBEYED.search(shown)
    assert "\n" not in shown
    assert safe_text(shown) == shown
    assert without_controls(text) == without_controls(without_controls(text))
    assert safe_text(without_controls(text)) == without_controls(text)


@given(TEXT)
def test_text_without_control_characters_is_shown_as_it_is(text):
    assert safe_text(without_controls(text)) == without_controls(text)


@given(st.recursive(TEXT, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=2)))
def test_safe_json_says_the_same(value):
    import json

    text = safe_json(json.dumps(value, ensure_ascii=False, indent=2))
    assert json.loads(text) == value
    assert not OBEYED.search(text)


@given(TEXT)
def test_a_cell_is_never_a_formula_and_reads_as_what_it_was(text):
    cell = safe_cell(text)
    assert cell[:1] not in ("=", "+", "-", "@", "\t", "\r") or is_number(cell)
    assert bare_cell(cell) == safe_text(text)


def is_number(text):
    try:
        return float(text) is not None
    except ValueError:
        return False


@given(TEXT)
def test_a_text_as_the_name_of_a_file_stays_in_its_folder(text):
    name = as_file_name(text)
    assert "/" not in name
    assert name not in (".", "..")
    assert not name.startswith(".")
    assert len(PurePosixPath(f"x/{name}").parts) == 1 + bool(name)


@given(TEXT)
def test_an_id_is_a_plain_name_or_none(text):
    try:
        assert checked_id(text).isalnum()
    except ValueError:
        assert not (text.isascii() and text.isalnum() and text.islower())


@given(TEXT)
def test_tags_are_words_that_can_be_printed_or_refused(text):
    if refusal(read_tags, text) is None:
        assert all(tag and not OBEYED.search(tag) for tag in read_tags(text))


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    return RunLog(Home.open(tmp_path_factory.mktemp("names")))


@given(name=TEXT)
def test_every_name_is_given_as_it_is_or_refused_and_never_twice(log, name):
    for number in range(2):
        record = RunRecord(id=f"a{sum(map(ord, name))}x{len(name)}y{number}", name=name, recipe="erm", data="d")
        try:
            given_name = log.register(record, exact_name=True).name
        except InputError:
            continue
        assert given_name == name.strip()
        assert number == 0
    names = [run["name"] for run in log.all()]
    assert len(names) == len(set(names))
    assert "last" not in names
