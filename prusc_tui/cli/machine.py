"""`prusc doctor`: versions, devices, home, and what is missing."""

import sys
from typing import Any

import typer

from core.errors import InputError
from core.runs.home import Home
from prusc_tui.cli.options import Json
from prusc_tui.words import print_json, say

OPTIONAL = {"pyarrow": "only for Parquet; install prusc-tui[parquet]"}
"""Packages of extras, and what for."""


def doctor(json: Json = False) -> None:
    """Print versions, devices, home and missing requirements; exit code 1 if there are any."""
    facts, missing = _facts()
    problems = _problems()
    if json:
        print_json(**facts, missing=missing, problems=problems)
    else:
        for key, value in facts.items():
            say(f"{key:<14}{value if not isinstance(value, list) else ', '.join(map(str, value))}")
        say(*(f"missing: {text}" for text in missing), *(f"problem: {text}" for text in problems))
        if not missing:
            say("nothing is missing")
    raise typer.Exit(1 if missing else 0)


def _facts() -> tuple[dict[str, Any], list[str]]:
    import platform
    from importlib.metadata import PackageNotFoundError, version

    from core.data.idx import read_digits
    from core.engine.devices import describe
    from core.runs.log import RunLog
    from experiments.bundled import folder
    from prusc_tui import __version__
    from prusc_tui.version import commit

    missing: list[str] = []
    facts: dict[str, Any] = {"prusc-tui": __version__, "commit": commit() or "unknown"}
    facts |= {"python": sys.version.split()[0], "system": platform.platform()}
    for package in ("torch", "torchvision", "textual", "scikit-learn", "pandas", "tinydb", "pyarrow"):
        try:
            facts[package] = version(package)
        except PackageNotFoundError:
            if package in OPTIONAL:
                facts[package] = f"not installed ({OPTIONAL[package]})"
            else:
                facts[package] = "not installed"
                missing.append(package)
    facts["devices"] = describe()
    try:
        home = Home.open()
        facts["home"] = str(home.root)
        facts["runs"] = len(RunLog(home).all())
    except InputError as error:
        missing.append(str(error))
    try:
        facts["digits"] = len(read_digits(folder(), "train").labels) + len(read_digits(folder(), "t10k").labels)
    except InputError as error:
        missing.append(str(error))
    return facts, missing


def _problems() -> list[str]:
    """Problems of installed packages that add recipes, data sets or networks."""
    from core import discovery
    from core.config import data_sets
    from core.models.networks import names
    from experiments.recipes import RECIPES

    data_sets()
    names()
    len(RECIPES)
    return list(discovery.problems())
