"""Manual pages: complete, and what `man` accepts."""

import shutil
import subprocess

import pytest

from release.commands import Command, command_line, screen
from release.man import EXIT_STATUS, page


def test_the_manual_has_every_command_with_its_options():
    text = page(command_line(), "1.2", also="prusc-tui", status=EXIT_STATUS)
    for command in command_line()[1:]:
        part = text.partition(f'.SS "{command.name} '.replace("-", "\\-"))[2].partition("\n.S")[0]
        assert part, command.name
        for name, _ in (*command.arguments, *command.options):
            assert f"\n.B {name}\n".replace("-", "\\-") in part


def test_the_manual_of_the_screen_has_its_options_and_no_commands():
    text = page([screen()], "1.2", also="prusc")
    assert "\n.B \\-\\-theme THEME\n" in text
    assert "$PRUSC_HOME" in text
    assert "COMMANDS" not in text


def test_text_cannot_become_a_request():
    odd = Command("x", 'a "b"', ("First.", ".so /etc/passwd", "'tis \\fBbold"), (), ())
    text = page([Command("x", "", ("X.",), (), ()), odd], "1", also="y")
    assert "\n\\&.so /etc/passwd\n" in text
    assert "\n\\&'tis \\efBbold\n" in text
    assert '.SS "x a ""b"""' in text


@pytest.mark.skipif(shutil.which("groff") is None, reason="needs groff")
def test_groff_sets_it_without_a_warning():
    text = page(command_line(), "1.2", also="prusc-tui", status=EXIT_STATUS)
    command = ["groff", "-k", "-man", "-Tutf8", "-ww"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True, encoding="utf-8")
    assert done.stderr == ""
    assert "NAME" in done.stdout
