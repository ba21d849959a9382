"""Tables as Markdown and LaTeX: what a paper takes is what was meant."""

import re

import pytest

from prusc_tui.tables.grid import Cell, Grid, Line, latex, latex_text, markdown

NASTY = r"a_b & c% #1 $x$ {y} ~z ^w \cmd | p <b> [q] *bold* `code`"


def grid(**changes):
    rows = (
        (Line("worst group", (Cell("8,900"), Cell("51.8", "± 0.4", True), Cell("88.1", "(86.7–89.4)", True))),),
        (Line(NASTY, (Cell(""), Cell("–"), Cell(NASTY))), Line("[0, 1]", (Cell(""), Cell("1"), Cell("2")))),
    )
    return Grid(**{"corner": "data", "columns": ("samples", "erm", NASTY), "blocks": rows, **changes})


def cells_of_markdown(line):
    """What a reader of Markdown makes of a row."""
    parts = re.split(r"(?<!\\)\|", line.replace("\\\\", "\0"))[1:-1]
    return [re.sub(r"\\(.)", r"\1", part).replace("\0", "\\").strip() for part in parts]


def test_markdown_gives_every_cell_back_whatever_is_in_it():
    lines = markdown(grid()).splitlines()
    assert [cells_of_markdown(line) for line in (lines[0], *lines[2:5])] == [
        ["data", "samples", "erm", NASTY],
        ["worst group", "8,900", "51.8 ± 0.4", "88.1 (86.7–89.4)"],
        [NASTY, "", "–", NASTY],
        ["[0, 1]", "", "1", "2"],
    ]
    assert re.fullmatch(r"\|-+(\|-+:){3}\|", lines[1])
    assert len({len(line) for line in lines[:5]}) == 1


def test_markdown_has_its_sentences_beneath_as_paragraphs():
    text = markdown(grid(about="test split", notes=("one", "two_three")))
    assert text.endswith("|\n\ntest split\n\none\n\ntwo\\_three\n")


def test_latex_is_a_booktabs_table_with_as_many_cells_in_every_row():
    lines = latex(grid()).splitlines()
    assert lines[1:3] == [r"\begin{tabular}{lrrr}", r"\toprule"]
    assert lines[-2:] == [r"\bottomrule", r"\end{tabular}"]
    rows = [line for line in lines if line.endswith(r" \\")]
    assert len(rows) == 4
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {3}
    assert lines.count(r"\midrule") == 2
    assert r"51.8 $\pm$ 0.4 & 88.1 (86.7--89.4) \\" in rows[1]


def test_latex_says_what_the_numbers_are_in_comments():
    lines = latex(grid(about="test split", notes=("mean over\nthree seeds",))).splitlines()
    begin = lines.index(r"\begin{tabular}{lrrr}")
    assert lines[:begin] == ["% test split", r"% mean over\nthree seeds", r"% needs \usepackage{booktabs}"]


@pytest.mark.parametrize("character", list("&%$#_{}~^\\"))
def test_no_special_character_of_latex_keeps_its_meaning(character):
    text = latex_text(f"a{character}b")
    left = re.sub(r"\\text[a-z]+\{\}|\\[&%$#_{}]", "", text)
    assert left == "ab"


def test_a_row_that_begins_with_a_bracket_is_no_argument_of_the_row_before():
    row = next(line for line in latex(grid()).splitlines() if "0, 1" in line)
    assert not row.startswith("[")


def test_control_characters_never_get_out():
    evil = grid(columns=("a", "b", "\x1b]0;x\x07\x1b[2J"), notes=("\x1b[31mred\nnext",))
    for text in (markdown(evil), latex(evil)):
        assert "\x1b" not in text
        assert "\x07" not in text
