"""The documents do not rot: files, commands, options and make targets that they name exist."""

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from prusc_tui.cli.app import app
from tests.data import photo_lab

HOUSE = Path(__file__).parent.parent
BLOCK = re.compile(r"^```.*?\n(.*?)^```", re.M | re.S)
PATH = re.compile(r"(?:core|experiments|prusc_tui|tests|docs)/[^\s,;:]*")


@pytest.fixture(
    params=[
        "README.md",
        "CONTRIBUTING.md",
        "docs/concepts.md",
        "docs/data.md",
        "docs/machines.md",
        "docs/many-runs.md",
        "docs/methods.md",
        "docs/report.md",
        "docs/comparing.md",
        "docs/with-others.md",
    ]
)
def text(request):
    return (HOUSE / request.param).read_text(encoding="utf-8")


def code(text):
    """Everything that a document sets as code: its blocks, and the words in backticks outside them."""
    return [*BLOCK.findall(text), *re.findall(r"`([^`\n]+)`", BLOCK.sub("", text))]


def test_the_files_that_it_names_exist(text):
    named = {word for part in code(text) for word in part.split() if PATH.fullmatch(word)}
    assert named
    assert [name for name in named if not any(HOUSE.glob(re.sub("<[^>]*>", "*", name).rstrip("/")))] == []


def test_its_make_targets_exist(text):
    targets = re.findall(r"^(\w+):", (HOUSE / "Makefile").read_text(encoding="utf-8"), re.M)
    named = {target for part in code(text) for target in re.findall(r"^make (\w+)", part, re.M)}
    assert named <= set(targets)


def test_its_commands_and_their_options_exist(text):
    blocks = (block.replace("\\\n", " ") for block in BLOCK.findall(text))
    lines = [line.removeprefix(".venv/bin/") for block in blocks for line in block.splitlines()]
    for line in (line for line in lines if line.startswith("prusc ")):
        command, words = get_command(app), shlex.split(line, comments=True)[1:]
        while words and not words[0].startswith("-") and hasattr(command, "commands"):
            assert words[0] in command.commands, line
            command = command.commands[words.pop(0)]
        command.make_context(line, words)  # raises what the shell would say of a wrong option


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
    lines = [line for block in BLOCK.findall(page) for line in block.replace("\\\n", " ").splitlines()]
    commands = [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("prusc data ")]
    assert len(commands) > 5
    for words in commands:
        result = CliRunner().invoke(app, words, catch_exceptions=False)
        assert result.exit_code == 0, (words, result.output)
    assert (tmp_path / "birds.toml").exists()
    assert (tmp_path / "classes/prusc.toml").exists()
