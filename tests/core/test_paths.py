"""Paths as people write them: with a home folder, or one sentence about what no path can be."""

from pathlib import Path

import pytest

from core.errors import InputError
from core.paths import expanded


def test_the_home_folder_stands_for_its_sign(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expanded("~/x") == tmp_path / "x"
    assert expanded("a/~b") == Path("a/~b")
    assert expanded("") == Path()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("~nobody-of-this-name/x", "~nobody-of-this-name/x: there is no home folder for this ~"),
        ("~nobody\x1b[2J", r"~nobody\x1b[2J: there is no home folder"),
        ("x" * 300, "…: is too long for a path"),
        ("x/" * 3000, "…: is too long for a path"),
        ("a\0b", r"a\x00b: no path can have this character"),
    ],
)
def test_what_no_path_can_be_is_refused_in_a_sentence(text, sentence):
    with pytest.raises(InputError) as refused:
        expanded(text)
    assert sentence in str(refused.value)
    assert len(str(refused.value)) < 150
