"""Reference pages of the site, in Markdown, made from what the code declares."""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from experiments.recipe import Recipe
    from release.commands import Rows

PAGES: dict[str, Callable[[], str]] = {}
"""Path in the site → function that makes the page."""

CONTROL = {"ctrl+": "Ctrl-", "shift+": "Shift-"}


def _page(make: Callable[[], str]) -> Callable[[], str]:
    PAGES[f"reference/{make.__name__}.md"] = make
    return make


@_page
def commands() -> str:
    """Make the page of all commands and their options."""
    from release.commands import command_line, screen

    parts = ["# Commands\n\nEvery command takes `--help`; `man prusc` has the same."]
    for command in (*command_line(), screen()):
        rows = [(f"`{name}`", escape(text)) for name, text in (*command.arguments, *command.options)]
        parts += [f"## {command.name}", f"```text\n{command.name} {command.usage}\n```"]
        parts += [*map(escape, command.help), *_table(("word", "meaning"), rows)]
    return _text(parts)


@_page
def settings() -> str:
    """Make the page of all settings."""
    from core.config import Section, config_model, data_sets
    from core.config.data import DEFAULT
    from prusc_tui.schema import section_help, settings_of, text_of

    sets, defaults = data_sets(), config_model()()
    parts = [
        "# Settings",
        "Each is given as `--set KEY=VALUE`, in a preset, in `prusc.toml` of your data, or in the form of a new run. "
        "`prusc recipes show NAME` prints those of a recipe or preset with their values.",
    ]

    def rows(kind: type, prefix: str) -> list[tuple[str, ...]]:
        found = [setting for setting in settings_of(kind) if setting.key.rpartition(".")[0] == prefix]
        values = kind() if prefix == "data" else getattr(defaults, prefix) if prefix else defaults
        wholes = type(values).only_with
        listed: list[tuple[str, ...]] = []
        for setting in found:
            needs = wholes.get(setting.name)
            when = f" Only with `{needs[0]}` = {' or '.join(f'`{value}`' for value in needs[1])}." if needs else ""
            default = text_of(getattr(values, setting.name))
            meaning = escape(setting.help) + when
            listed.append((f"`{setting.key}`", f"`{default}`" if default else "", escape(setting.expects), meaning))
        return listed

    heads = ("setting", "default", "values", "meaning")
    usual = sets[DEFAULT]
    sections = {name: text for name, text in section_help(usual).items() if name != "data"}
    parts += ["## The run", *_table(heads, [row for row in rows(usual, "") if row[0] != "`data`"])]
    for name, text in sections.items():
        assert isinstance(getattr(defaults, name), Section)
        parts += [f"## {name}", escape(text), *_table(heads, rows(usual, name))]
    parts.append("## data\n\nThe data set, `data.name`; each has settings of its own.")
    for name, kind in sets.items():
        about = " ".join((kind.__doc__ or "").split("\n\n")[0].split())
        parts += [f"### {name}", escape(f"{about} Images: {kind.origin}."), *_table(heads, rows(kind, "data"))]
    return _text(parts)


@_page
def recipes() -> str:
    """Make the page of recipes, finders, presets and studies."""
    from experiments.catalog import get_preset, get_study, preset_names, study_names
    from experiments.equations import NOTATION
    from experiments.finders import choices
    from experiments.recipes import RECIPES

    presets = [(f"`{name}`", escape(get_preset(name).summary)) for name in preset_names()]
    studies = [(f"`{name}`", escape(get_study(name).summary)) for name in study_names()]
    parts = [
        "# Recipes, finders, presets and studies",
        "A recipe is started with `prusc run NAME`. What it is for, and what it was measured to do, is in "
        "[Finders and treatments](../methods.md) and [Environments](../invariance.md).",
        "## Notation",
        *_table(("sign", "meaning"), [(escape(sign), escape(meaning)) for sign, meaning in NOTATION.items()]),
    ]
    for kind, found in groupby(RECIPES.values(), lambda recipe: recipe.kind):
        parts.append(f"## {kind.capitalize()}s")
        for recipe in found:
            parts += _recipe(recipe)
    finders = [(f"`{name}`", escape(summary)) for name, summary in choices().items()]
    parts += ["## Finders", "Values of `find.by`.", *_table(("name", "what it is"), finders)]
    return _text(
        [
            *parts,
            "## Presets",
            *_table(("name", "what it is"), presets),
            "## Studies",
            *_table(("name", "what it is"), studies),
        ]
    )


@_page
def keys() -> str:
    """Make the page of all keys of the screen."""
    from prusc_tui.keymap import AREAS, KEYS

    parts = ["# Keys", "The name of a key is that of a keymap in the [settings file](../screen.md)."]
    for area, title in AREAS.items():
        rows = [(key_names(key.keys), escape(key.help), f"`{key.id}`") for key in KEYS if key.area == area]
        if rows:
            parts += [f"## {title}", *_table(("key", "what it does", "name"), rows)]
    return _text(parts)


def key_names(keys: str) -> str:
    """Names of keys as they stand on a keyboard, from Textual's."""
    from textual.keys import format_key

    shown = []
    for name in keys.split(","):
        modifiers, _, last = name.rpartition("+")
        before = "".join(CONTROL[f"{modifier}+"] for modifier in modifiers.split("+") if modifier)
        shown.append(f"`{before}{last if len(last) == 1 else format_key(last)}`")
    return " ".join(shown)


def escape(text: str) -> str:
    """Text in which nothing but words in backticks is taken for Markdown."""
    parts = re.split(r"(`[^`]*`)", text)
    parts[::2] = [re.sub(r"([\\*_\[\]>#{}|])", r"\\\1", part).replace("<", "&lt;") for part in parts[::2]]
    return "".join(parts)


def _recipe(recipe: "Recipe") -> Iterator[str]:
    from prusc_tui.words import SUPERVISION

    yield f"### {recipe.name}"
    yield escape(recipe.summary)
    if recipe.equations:
        yield "```text\n" + "\n".join(recipe.equations) + "\n```"
    fixed, defaults = (_settings(values.items()) for values in (recipe.fixed, recipe.defaults))
    facts = {
        "source": escape(recipe.source),
        "supervision": SUPERVISION.get(recipe.supervision, recipe.supervision),
        "stages": " → ".join(recipe.stage_names()),
        "fixed": fixed,
        "own defaults": defaults,
        "data": ", ".join(f"`{name}`" for name in recipe.data),
        "default data": f"preset `{recipe.preset}`",
    }
    yield "\n".join(f"- {what}: {text}" for what, text in facts.items() if text)


def _settings(values: Iterable[tuple[str, object]]) -> str:
    from prusc_tui.schema import text_of

    return ", ".join(f"`{key}={text_of(value)}`" for key, value in values)


def _table(heads: tuple[str, ...], rows: "Iterable[tuple[str, ...]] | Rows") -> Iterator[str]:
    """A table, if it has rows."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    if lines:
        yield "\n".join([f"| {' | '.join(heads)} |", "|" + "---|" * len(heads), *lines])


def _text(parts: Iterable[str]) -> str:
    return "\n\n".join(parts) + "\n"
