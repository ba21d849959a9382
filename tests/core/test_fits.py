"""Whether values from JSON fit the fields of a dataclass."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from core.fits import misfit


class Own:
    """It reads itself."""


@dataclass
class Sample:
    text: str
    whole: int
    real: float
    flag: bool
    word: Literal["a", "b"]
    maybe: str | None
    numbers: list[float]
    names: tuple[str, ...]
    table: Mapping[str, list[int]]
    anything: Any
    own: Own


FITS = {
    "text": ["", "x"],
    "whole": [0, -3],
    "real": [0, 1.5],
    "flag": [True],
    "word": ["a"],
    "maybe": [None, "x"],
    "numbers": [[], [1, 2.5]],
    "names": [["a"], []],
    "table": [{}, {"a": [1, 2]}],
    "anything": [None, [1], {}],
    "own": [{}, 3],
}
DIFFERS = {
    "text": [None, 1, []],
    "whole": [1.5, True, "1", None],
    "real": ["1", True, [], None],
    "flag": [0, None],
    "word": ["c", 1, None, []],
    "maybe": [1, []],
    "numbers": [["a"], "ab", {}, [[1]], [None]],
    "names": ["ab", [1], None],
    "table": [[], {"a": 1}, {"a": [1.5]}],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in FITS.items() for value in values])
def test_a_value_of_the_declared_kind_fits(name, value):
    assert misfit(Sample, {name: value, "unknown": 1}) is None


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in DIFFERS.items() for value in values])
def test_a_value_of_another_kind_is_named(name, value):
    assert misfit(Sample, {name: value}) == name


def test_null_is_a_number_only_where_nan_is_written_so():
    assert misfit(Sample, {"real": None, "numbers": [None]}, nan=True) is None
    assert misfit(Sample, {"whole": None}, nan=True) == "whole"
