"""The documents do not rot: files, commands, options and make targets that they name exist."""

import ast
import re
import shlex
import tomllib
from pathlib import Path

import pytest
from typer import Exit
from typer.main import get_command
from typer.testing import CliRunner

from prusc_tui.cli.app import app
from prusc_tui.main import parser
from tests.data import photo_lab

HOUSE = Path(__file__).parent.parent
BLOCK = re.compile(r"^```.*?\n(.*?)^```", re.M | re.S)
PATH = re.compile(r"(?:core|experiments|prusc_tui|tests|docs)/[^\s,;:]*")


PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    *sorted(f"docs/{path.name}" for path in HOUSE.glob("docs/*.md")),
]


@pytest.fixture(params=PAGES)
def text(request):
    return (HOUSE / request.param).read_text(encoding="utf-8")


def code(text):
    """Everything that a document sets as code: its blocks, and the words in backticks outside them."""
    return [*BLOCK.findall(text), *re.findall(r"`([^`\n]+)`", BLOCK.sub("", text))]


def test_the_files_that_it_names_exist(text):
    named = {word for part in code(text) for word in part.split() if PATH.fullmatch(word)}
    assert [name for name in named if not any(HOUSE.glob(re.sub("<[^>]*>", "*", name).rstrip("/")))] == []


def test_the_files_that_documents_name_are_seen_by_the_test_above():
    for page in ("README.md", "CONTRIBUTING.md", "docs/concepts.md", "docs/methods.md"):
        words = {word for part in code((HOUSE / page).read_text(encoding="utf-8")) for word in part.split()}
        assert any(map(PATH.fullmatch, words)), page


def test_its_make_targets_exist(text):
    targets = re.findall(r"^([\w-]+):", (HOUSE / "Makefile").read_text(encoding="utf-8"), re.M)
    named = {target for part in code(text) for target in re.findall(r"^make ([\w-]+)", part, re.M)}
    assert named <= set(targets)


def lines(text):
    """Lines of the blocks of code, those that are continued as one, and programs without their folder."""
    blocks = (block.replace("\\\n", " ") for block in BLOCK.findall(text))
    return [line.removeprefix(".venv/bin/") for block in blocks for line in block.splitlines()]


def test_its_commands_and_their_options_exist(text):
    whole = get_command(app)
    for line in (line for line in lines(text) if line.startswith("prusc ")):
        command, words = whole, shlex.split(line, comments=True)[1:]
        while words and not words[0].startswith("-") and hasattr(command, "commands"):
            assert words[0] in command.commands, line
            command = command.commands[words.pop(0)]
        try:
            command.make_context(line, list(words))  # raises what the shell would say of a wrong option
        except Exit:
            assert words == ["--version"], line


def test_its_calls_of_the_screen_have_arguments_that_exist(text):
    for line in (line for line in lines(text) if re.match("prusc-tui( |$)", line)):
        parser().parse_args(shlex.split(line, comments=True)[1:])  # raises InputError for a wrong option


def test_the_extras_that_it_installs_exist(text):
    extras = tomllib.loads((HOUSE / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for named in re.findall(r"prusc[-_]tui[\w.-]*\[([\w,]+)\]", text):
        assert set(named.split(",")) <= set(extras)


def test_the_messages_that_troubleshooting_explains_are_messages_of_the_program():
    page = (HOUSE / "docs/troubleshooting.md").read_text(encoding="utf-8")
    headings = [heading for heading in re.findall("^### (.*)$", page, re.M) if "`" in heading]
    quoted = [
        part.strip(" ,;")
        for heading in headings
        for words in re.findall("`(.+?)`", heading)
        for part in words.split("…")
    ]
    assert len(quoted) > 20
    known = [text for path in sources() for text in texts(ast.parse(path.read_text(encoding="utf-8")))]
    for words in quoted:
        assert not words or any(words in text for text in known), words


def sources():
    return [path for package in ("core", "experiments", "prusc_tui") for path in (HOUSE / package).rglob("*.py")]


def texts(tree):
    """Texts in code: adjacent ones are one, and what is filled in is `{}`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_the_commands_on_data_work_in_their_order_as_they_are_written(tmp_path, monkeypatch):
    photo_lab.plain(tmp_path / "birds", n=60, seed=1, table="tabelle.csv")
    table = tmp_path / "birds/tabelle.csv"
    words = {"path,label,background,split": "Bild,Vogel,Ort,Teil", ",": ";", "train": "learn", "val": "tune"}
    text = table.read_text()
    for old, new in {**words, "test": "final"}.items():
        text = text.replace(old, new)
    table.write_text(text, encoding="utf-16")
    for number, row in enumerate(photo_lab.rows(40)):
        split, label = ("train", "val", "test")[row.split], ("cat", "dog")[row.label]
        photo_lab.save(photo_lab.picture(row, (20, 20)), tmp_path / "classes" / split / label / f"{number}.png")
    monkeypatch.chdir(tmp_path)
    page = (HOUSE / "docs/data.md").read_text(encoding="utf-8")
    commands = [shlex.split(line, comments=True)[1:] for line in lines(page) if line.startswith("prusc data ")]
    assert len(commands) > 5
    for words in commands:
        result = CliRunner().invoke(app, words, catch_exceptions=False)
        assert result.exit_code == 0, (words, result.output)
    assert (tmp_path / "birds.toml").exists()
    assert (tmp_path / "classes/prusc.toml").exists()
