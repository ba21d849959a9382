"""Runs with an attack in every field: whatever a command prints or writes of them is text, and does nothing."""

import contextlib
import csv
import io
import os
import re
import shutil
import tempfile
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import orjson
import pytest
from driver import Prusc
from hypothesis import given, settings
from hypothesis import strategies as st

from core.runs.home import Home
from core.runs.log import RunLog
from prusc_tui.html import plots
from prusc_tui.html.figures import Bar, Bars
from tests.hostile import EVIL, JSON, choices, commands, leaks, metavar, nothing_starts, places, put, spoil
from tests.tui.lab import finished_run, irm_run

COMMANDS = {str(command): command for command in commands()}
RUNS = [command for command in COMMANDS.values() if any("RUN" in metavar(one) for one in command.arguments)]
LISTS = [command for command in COMMANDS.values() if not any(one.required for one in command.parameters)]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home with three tampered runs: two that differ by seed, and one that trains over environments."""
    root = tmp_path_factory.mktemp("tampered")
    here = Home.open(root / "home")
    folders = [finished_run(here, "a"), finished_run(here, "b", seed=1, note="n", reason="r", forked_from="x:erm")]
    folders.append(irm_run(here, "c", tags=("t",), overrides={"a": "b"}, device="cpu", resources={"profile": "p"}))
    for folder in folders:
        spoil(folder)
    RunLog(here).rebuild()
    return here, [folder.id for folder in folders]


@pytest.fixture
def prusc(home, tmp_path, monkeypatch):
    """`prusc` on a copy of that home, in an empty folder."""
    shutil.copytree(home[0].root, tmp_path / "home", copy_function=os.link)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with nothing_starts():
        yield Prusc(tmp_path / "home")


def lines_of(command, ids):
    """The command alone, with each flag, and with each value that one of its options offers."""
    words = [*command.words]
    for argument in command.arguments:
        if "RUN" in metavar(argument):
            words += ids if argument.nargs == -1 else ids[:1]
        elif argument.required:
            words.append("1")
    yield words
    for option in command.options:
        for value in choices(option):
            yield [*words, option.opts[0], value]
        if option.is_flag:
            yield [*words, option.opts[0]]


@pytest.mark.parametrize("command", {str(one): one for one in [*RUNS, *LISTS]}.values(), ids=str)
def test_nothing_gets_through_to_the_terminal(prusc, home, command):
    for words in lines_of(command, home[1]):
        said = prusc(*words)
        assert leaks(said.out + said.err) == [], words
        assert said.code in (0, 1, 2), words


def test_the_fields_are_there_as_text(prusc, home):
    first, second, third = home[1]
    assert len(prusc("ls", "--json").json["runs"]) == 3
    assert prusc("show", second, "--json").json["reason"] == EVIL
    for words in (["ls"], ["show", second], ["watch", third, "--once"], ["compare", first, third]):
        said = prusc(*words)
        assert said.code == 0, said.err
        assert r"\x1b]0;owned" in said.out, words


def test_no_cell_of_csv_is_a_formula(prusc, home):
    said = prusc("compare", *home[1], "--format", "csv")
    cells = [cell for row in csv.reader(io.StringIO(said.out)) for cell in row]
    assert any("HYPERLINK" in cell for cell in cells)
    assert [cell for cell in cells if re.match(r"[=+@\t\r]|-(?![\d.])", cell)] == []


def test_markdown_and_latex_have_no_markup_of_a_run(prusc, home):
    for by in ("family", "stage"):
        text = prusc("compare", *home[1], "--by", by, "--format", "markdown").out
        assert "script" in text
        assert re.findall(r"(?<!\\)<script|(?<!\\)\[red|(?<!\\)\$", text) == []
        source = prusc("compare", *home[1], "--by", by, "--format", "latex").out
        assert "textbackslash" in source
        assert [line for line in source.splitlines() if r"\input{" in line and not line.startswith("%")] == []


class Tags(HTMLParser):
    """The tags of a page, and all values of attributes."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.values = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.values += [value for name, value in attrs if name.startswith("on") or "javascript:" in (value or "")]


@pytest.mark.parametrize("which", [slice(1), slice(3)], ids=["one", "several"])
def test_the_page_has_no_script(prusc, home, which):
    assert prusc("report", *home[1][which], "--to", "page.html").code == 0
    page = Path("page.html").read_text(encoding="utf-8")
    read = Tags(page)
    assert "&lt;script&gt;" in page
    assert "script" not in read.tags
    assert read.values == []
    assert leaks(page) == []


def test_the_figures_for_a_paper_have_no_script(tmp_path):
    pytest.importorskip("matplotlib")
    picture, _ = plots.save([Bars("bars", EVIL, EVIL, (Bar(EVIL, 50.0),))], tmp_path)
    assert [one.tag for one in ElementTree.parse(picture).iter() if "script" in one.tag] == []
    assert "HYPERLINK" in picture.read_text()


def test_the_picture_of_a_run_is_valid_and_has_no_script(prusc, home):
    for id in home[1]:
        assert prusc("watch", id, "--svg", f"{id}.svg").code == 0
        assert [one.tag for one in ElementTree.parse(f"{id}.svg").iter() if "script" in one.tag] == []


def test_text_of_the_index_alone_is_no_more_obeyed(prusc, home):
    index = Home.open(prusc.home).index
    content = orjson.loads(index.read_bytes())
    index.unlink()  # it is a link
    text = orjson.dumps(content).replace(b'"colored-mnist"', orjson.dumps(EVIL))
    index.write_bytes(text)
    for words in (["ls"], ["queue"], ["ls", "--json"]):
        assert leaks(prusc(*words).out) == []


SHOWN = (["ls"], ["show"], ["show", "--config"], ["watch", "--once"], ["compare"], ["report", "--to", "page.html"])


@given(data=st.data())
@settings(max_examples=max(4, settings.default.max_examples // 4))
def test_one_value_of_another_kind_is_shown_or_refused_in_a_sentence(data):
    with tempfile.TemporaryDirectory() as folder, nothing_starts():
        prusc = Prusc(Path(folder) / "home")
        home = Home.open(prusc.home)
        runs = [finished_run(home, "a"), irm_run(home, "b")]
        chosen = data.draw(st.sampled_from(runs))
        if data.draw(st.booleans()):
            record = orjson.loads(chosen.record_path.read_bytes())
            at = data.draw(st.sampled_from(list(places(record))[1:]))
            chosen.record_path.write_bytes(orjson.dumps(put(record, at, data.draw(JSON))))
        else:
            lines = chosen.events.read_bytes().splitlines()
            number = data.draw(st.integers(0, len(lines) - 1))
            event = orjson.loads(lines[number])
            at = data.draw(st.sampled_from(list(places(event))[1:]))
            lines[number] = orjson.dumps(put(event, at, data.draw(JSON)))
            chosen.events.write_bytes(b"\n".join(lines) + b"\n")
        RunLog(home).rebuild()
        for command, *options in SHOWN:
            of = {"ls": [], "compare": [run.id for run in runs]}.get(command, [chosen.id])
            words = [str(Path(folder) / word) if word == "page.html" else word for word in options]
            said = prusc(command, *of, *words)
            assert said.code in (0, 2), said.err
            assert leaks(said.out + said.err) == []


OF_INDEX = (
    ("ls",), ("ls", "--json"), ("ls", "--where", "seed<3 and wga>0"), ("queue",), ("show", "last"),
    ("watch", "last", "--once"), ("compare", "a", "b"), ("table", "digits"), ("export", "a", "--to", "out"),
    ("rm", "b", "--yes"),
)  # fmt: skip


@given(data=st.data())
@settings(max_examples=3)
def test_an_index_with_anything_in_it_is_read_from_the_folders(data):
    """No command shows more than a sentence, or runs that are not there: the index is a copy."""
    with tempfile.TemporaryDirectory() as folder, nothing_starts(), contextlib.chdir(folder):
        prusc = Prusc(Path(folder) / "home")
        home = Home.open(prusc.home)
        runs = {finished_run(home, name).id for name in "ab"}
        RunLog(home).rebuild()
        whole = orjson.loads(home.index.read_bytes())
        at = data.draw(st.sampled_from(list(places(whole))))
        other = st.sampled_from([None, [], "x", True, -1, 1e308, 2**63, [[{}]]])
        spoilt = orjson.dumps(put(whole, at, data.draw(other | JSON)))
        for words in OF_INDEX:
            home.index.write_bytes(data.draw(st.sampled_from([spoilt, b'{"runs":{"1":NaN}}', b"[" * 9999])))
            said = prusc(*words)
            assert said.code in (0, 2), (words, said.err)
            assert said.err.count("\n") <= 2
        home.index.write_bytes(b"[]")
        assert {run["id"] for run in prusc("ls", "--json").json["runs"]} <= runs
