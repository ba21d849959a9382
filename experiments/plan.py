"""From what a person types to what is run: recipe or preset, data, overrides (no torch)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.config import Config, data_sets, flatten
from core.errors import InputError, nearest
from core.overrides import merge, nest, parse_overrides, read_toml, validate
from experiments.recipe import Recipe
from experiments.recipes import RECIPES, get_recipe

if TYPE_CHECKING:
    from core.engine.stage import Pipeline

DEFAULT = "demo"
"""The preset that is run when none is named."""


@dataclass(frozen=True)
class Preset:
    """A recipe with the data and the values that differ from the defaults.

    Attributes:
        name: as typed after `prusc run`.
        summary: one line.
        settings: nested settings, `recipe` among them.
    """

    name: str
    summary: str
    settings: dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """What is to be run, validated.

    Attributes:
        config: all settings, resolved.
        recipe: the recipe in force.
        base_name: what a run of this plan is called when the person gives no name.
    preset: name of the preset that it started from, if any.
        overrides: settings that the person gave, dotted key → value.
    """

    config: Config
    recipe: Recipe
    base_name: str
    preset: str | None
    overrides: dict[str, Any]


def preset_names() -> list[str]:
    """Names of the presets, in alphabetical order."""
    return sorted(path.stem for path in _folder().glob("*.toml"))


def get_preset(name: str) -> Preset:
    """Read the preset called `name`.

    Raises:
        InputError: there is none; the sentence names the nearest.
    """
    if name not in preset_names():
        raise InputError(f"unknown preset '{name}'{nearest(name, preset_names())} (see: prusc recipes)")
    settings = read_toml(_folder() / f"{name}.toml")
    return Preset(name, settings.pop("summary"), settings)


def make_plan(
    target: str | None = None, *, data: str | None = None, overrides: Sequence[str] = (), seed: int | None = None
) -> Plan:
    """Resolve what a person asked for.

    Args:
        target: a preset, or a recipe, which then runs on `data`; nothing for the preset `demo`.
        data: a preset whose data and values a recipe takes, or a data set, for its defaults.
        overrides: texts `a.b=c`.
        seed: of the run.

    Raises:
        InputError: a name, key or value is not known or does not fit.
    """
    target = target or DEFAULT
    if target in RECIPES:
        recipe_name: str | None = target
        preset = preset_or_data(data or get_recipe(target).preset)
    elif target in preset_names():
        if data is not None:
            raise InputError(f"'{target}' is a preset and brings its own data; --data goes with a recipe")
        recipe_name, preset = None, get_preset(target)
    else:
        from experiments.study import study_names  # studies are made of plans

        if target in study_names():
            raise InputError(f"'{target}' is a study of many runs; make them with: prusc run {target}")
        known = [*RECIPES, *preset_names(), *study_names()]
        raise InputError(f"unknown recipe or preset '{target}'{nearest(target, known)} (see: prusc recipes)")
    settings = merge({}, preset.settings)
    if recipe_name is not None:
        settings["recipe"] = recipe_name
    plan = resolve(settings, overrides, seed)
    return replace(plan, base_name=target, preset=preset.name or None)


def resolve(settings: dict[str, Any], overrides: Sequence[str], seed: int | None) -> Plan:
    """Lay overrides and the recipe's fixed settings over `settings` and validate the whole.

    Raises:
        InputError: an override touches what the recipe fixes, or a key or value does not fit it or the recipe.
    """
    given = parse_overrides(overrides)
    if seed is not None:
        given["seed"] = seed
    flat = dict(flatten(given))
    if "recipe" in flat:
        raise InputError("--set recipe: name the recipe itself: prusc run RECIPE")
    recipe = get_recipe(settings["recipe"])
    for key, value in recipe.fixed.items():
        if flat.get(key, value) != value:
            shown = str(value).lower() if isinstance(value, bool) else value
            raise InputError(f"--set {key}: recipe '{recipe.name}' fixes it to {shown}")
    whole = merge(merge({}, settings), given)
    if recipe.data and (name := whole["data"]["name"]) not in recipe.data:
        raise InputError(
            f"recipe '{recipe.name}' is for data set {' or '.join(recipe.data)}, not for '{name}'; see --data"
        )
    for key, value in recipe.fixed.items():
        merge(whole, nest(key.split("."), value))
    config = validate(whole, "--set" if given else "settings")
    recipe.check(config)
    return Plan(config, recipe, recipe.name, None, flat)


def data_names() -> list[str]:
    """Names of the data sets, as the settings have them."""
    return list(data_sets())


def preset_or_data(name: str) -> Preset:
    """Return the preset called `name`, or the data set of that name with its defaults, as a preset without a name.

    Raises:
        InputError: there is neither; the sentence names the nearest.
    """
    if name in preset_names():
        return get_preset(name)
    if name in data_names():
        return Preset("", "", {"data": {"name": name}})
    known = list(dict.fromkeys([*preset_names(), *data_names()]))
    raise InputError(f"--data {name}: no preset or data set '{name}'{nearest(name, known)} (see: prusc data ls)")


def build_pipeline(config: Config) -> "Pipeline":
    """Make the stages of a configuration and find its data, without looking at an image; imports torch.

    Raises:
        InputError: the folder or the table of a data set does not fit.
    """
    from core.data.load import open_source
    from core.engine.stage import Pipeline
    from experiments import bundled

    source = open_source(config.data, bundled.folder())
    stages = get_recipe(config.recipe).stages(config)
    return Pipeline(stages, identify=source.fingerprint, load_data=source.load)


def _folder() -> Path:
    return Path(str(resources.files("experiments") / "presets"))
