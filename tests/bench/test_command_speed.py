"""What starting `prusc` costs, against a bare Typer program, as whole processes."""

import os
import subprocess
import sys

from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.record import RunRecord, new_id
from tests.bench.timing import forms

BARE = """
import typer

app = typer.Typer(no_args_is_help=True)

@app.command()
def ls() -> None:
    '''List.'''
    typer.echo("no runs")

@app.command()
def show() -> None:
    '''Show.'''

app()
"""


@forms(
    "arguments, runs, repetitions",
    short=[(["--help"], 0, 1), (["ls"], 2, 1)],
    full=[(["--help"], 0, 15), (["ls"], 0, 15), (["ls"], 20, 15)],
)
def test_a_command_against_a_bare_typer_program(tmp_path, arguments, runs, repetitions, figures):
    program, home = tmp_path / "bare.py", Home.open(tmp_path / "home")
    program.write_text(BARE)
    for number in range(runs):
        record = RunRecord(
            id=new_id(), name=f"run-{number}", recipe="prusc", data="colored-mnist", created=float(number)
        )
        RunLog(home).put(record)

    def process(*command):
        environment = {**os.environ, "PRUSC_HOME": str(home.root)}
        return lambda: subprocess.run(
            [sys.executable, *command, *arguments], check=True, env=environment, stdout=subprocess.DEVNULL
        )

    name = f"prusc {' '.join(arguments)}" + (f" of {runs:,} runs" if arguments == ["ls"] else "")
    ours, bare = process("-m", "prusc_tui"), process(str(program))
    figures.ratio(name, ours, bare, repetitions, against="bare Typer program", target=2.0)
