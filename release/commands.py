"""Every command of `prusc` and `prusc-tui` with its help, for manual pages and the site; torch is not needed."""

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Rows = tuple[tuple[str, str], ...]
"""Names of arguments or options, each with its help."""


CHOICES = re.compile("(?<= )[<[](.*)[]>]$")
"""Values of an option in brackets, which versions of typer write differently."""


@dataclass(frozen=True)
class Command:
    """A command.

    Attributes:
        name: all of its words, such as `prusc data init`.
        usage: what follows them.
        help: paragraphs; the first one is a sentence.
        arguments: with their help.
        options: with their help; `--help` is left out.
    """

    name: str
    usage: str
    help: tuple[str, ...]
    arguments: Rows
    options: Rows


def command_line() -> tuple[Command, ...]:
    """Return `prusc` and all of its commands, in the order of `prusc --help`."""
    from typer.main import get_command

    from prusc_tui.cli.app import app

    return tuple(_walk(get_command(app), "prusc", None))


def screen() -> Command:
    """Return `prusc-tui`."""
    from prusc_tui.main import parser

    made = parser()
    arguments, options = [], []
    for action in made._actions:
        if isinstance(action, argparse._HelpAction):
            continue
        told = action.help or ""
        text = f"{told[:1].upper()}{told[1:]}."
        if action.option_strings:
            metavar = "" if action.nargs == 0 else f" {action.metavar or action.dest.upper()}"
            options.append((", ".join(action.option_strings) + metavar, text))
        else:
            arguments.append((str(action.metavar), text))
    usage = made.format_usage().partition(made.prog)[2].split()
    return Command(made.prog, " ".join(usage), (made.description or "",), tuple(arguments), tuple(options))


def _walk(command: Any, name: str, parent: Any) -> Iterator[Command]:
    """A command and those below it; typer has the classes of click, or of late its own copies."""
    context = command.context_class(command, info_name=name, parent=parent, **command.context_settings)
    below = {name: inner for name, inner in getattr(command, "commands", {}).items() if not inner.hidden}
    arguments, options, usage = [], [], ["[OPTIONS]"]
    for parameter in command.params:
        if (row := parameter.get_help_record(context)) is None:
            continue
        text = " ".join(row[1].split())
        if parameter.param_type_name == "option":
            options.append((CHOICES.sub(r"\1", row[0]), text))
        else:
            shown = str(parameter.metavar).strip("[]")
            shown += "..." * (parameter.nargs == -1 and "..." not in shown)
            arguments.append((shown, text))
            usage.append(f"{{{shown}}}" if "|" in shown and parameter.required else shown)
            usage[-1] = usage[-1] if parameter.required else f"[{shown}]"
    paragraphs = tuple(" ".join(part.split()) for part in (command.help or "").split("\n\n"))
    words = " ".join([*usage, *(["COMMAND [ARGS]..."] if below else [])])
    yield Command(context.command_path, words, paragraphs, tuple(arguments), tuple(options))
    for name, inner in below.items():
        yield from _walk(inner, name, context)
