"""Manual pages in the macros of man(7), made from the commands themselves."""

from collections.abc import Iterator, Sequence

from release.commands import Command, Rows

ENVIRONMENT: Rows = (
    ("PRUSC_HOME", "Folder of the runs; otherwise prusc-tui in the user's data folder."),
    ("PRUSC_CACHE", "Folder of decoded images; otherwise in the user's cache folder. They can be made again."),
    ("PRUSC_SETTINGS", "File of the user's settings; otherwise settings.toml in the user's configuration folder."),
    ("PRUSC_LEASES", "Folder of the leases of GPUs, shared by all users of a machine; otherwise /var/tmp/prusc-tui."),
    ("NO_COLOR", "If set, no colours are used."),
)
EXIT_STATUS: Rows = (
    ("0", "Done; a run has finished."),
    ("1", "A run has failed, or a check has found problems."),
    ("2", "Bad input: one sentence says what is wrong; nothing was written."),
    ("130", "The run was stopped, with a checkpoint."),
)
"""Of `prusc`."""


def page(commands: Sequence[Command], version: str, *, also: str, status: Rows = ()) -> str:
    """Return the manual page of a program: its main command first, then all below it."""
    program, *below = commands
    sections = [
        f'.TH {_quoted(program.name.upper())} 1 "" {_quoted("prusc-tui " + version)} "User Commands"',
        *_section("NAME", [f"{_text(program.name)} \\- {_text(program.help[0].rstrip('.'))}"]),
        *_section("SYNOPSIS", [f".B {_text(program.name)}", _text(program.usage)]),
        *_section("OPTIONS", _rows((*program.arguments, *program.options))),
        *(_section("COMMANDS", [line for command in below for line in _command(command)]) if below else ()),
        *_section("ENVIRONMENT", _rows(ENVIRONMENT)),
        *(_section("EXIT STATUS", _rows(status)) if status else ()),
        *_section("SEE ALSO", [f".BR {_text(also)} (1)"]),
    ]
    return "\n".join([*sections, ""])


def _section(title: str, lines: Sequence[str]) -> Sequence[str]:
    return [f".SH {_quoted(title)}", *lines]


def _command(command: Command) -> Iterator[str]:
    yield f".SS {_quoted(f'{command.name} {command.usage}')}"
    for number, paragraph in enumerate(command.help):
        if number:
            yield ".PP"
        yield _text(paragraph)
    yield from _rows((*command.arguments, *command.options))


def _rows(rows: Rows) -> list[str]:
    return [line for name, text in rows for line in (".TP", f".B {_text(name)}", _text(text))]


def _text(text: str) -> str:
    """Text of one line, in which nothing is taken for a request or an escape."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


def _quoted(text: str) -> str:
    """Text as one argument of a macro."""
    return '"' + _text(text).replace('"', '""') + '"'
