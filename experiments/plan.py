"""From the user's words to a validated plan: recipe or preset, data, overrides (no torch)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from core.config import Config, flatten
from core.config.renamed import as_recorded, migrated, old_names
from core.discovery import complain
from core.errors import InputError, nearest
from core.overrides import merge, parse_overrides, validate
from core.runs.record import RunRecord
from experiments.catalog import DEFAULT, get_preset, preset_names, preset_or_data, study_names
from experiments.data.settings_file import file_of
from experiments.finders import chosen
from experiments.recipe import Recipe, nested
from experiments.recipes import RECIPES, get_recipe

if TYPE_CHECKING:
    from core.engine.stage import Pipeline


@dataclass(frozen=True)
class Plan:
    """A validated plan of a run.

    Attributes:
        config: all settings, resolved.
        recipe: the recipe.
        base_name: name of the run if the user gives none.
        preset: name of the preset, if any.
        overrides: settings given by the user, dotted key → value.
    """

    config: Config
    recipe: Recipe
    base_name: str
    preset: str | None
    overrides: dict[str, Any]


def make_plan(
    target: str | None = None, *, data: str | None = None, overrides: Sequence[str] = (), seed: int | None = None
) -> Plan:
    """Resolve a target, its data and overrides.

    Args:
        target: a preset, a folder with a settings file, or a recipe, which then runs on `data`; None for `demo`.
        data: a preset with data and values for a recipe, or a data set with its defaults.
        overrides: texts `a.b=c`.
        seed: of the run.

    Raises:
        InputError: a name, key or value is unknown or does not fit.
    """
    target = target or DEFAULT
    if target in RECIPES:
        recipe_name: str | None = target
        preset = preset_or_data(data or get_recipe(target).preset)
    elif target in preset_names() or (target not in study_names() and file_of(target) is not None):
        if data is not None:
            raise InputError(f"'{target}' is a preset with its own data; --data is for recipes")
        recipe_name, preset = None, get_preset(target)
    elif target in study_names():
        raise InputError(f"'{target}' is a study of many runs; make them with: prusc run {target}")
    else:
        known = [*RECIPES, *preset_names(), *study_names()]
        raise InputError(f"unknown recipe or preset '{target}'{nearest(target, known)} (see: prusc recipes)")
    settings = merge({}, preset.settings)
    if recipe_name is not None:
        settings["recipe"] = recipe_name
    plan = resolve(settings, overrides, seed)
    return replace(plan, base_name=target, preset=preset.name or None)


def resolve(settings: dict[str, Any], overrides: Sequence[str], seed: int | None) -> Plan:
    """Apply overrides and the recipe's own settings to `settings`, and validate the result.

    Raises:
        InputError: an override changes a fixed setting, or a key or value is unknown or does not fit.
    """
    given = parse_overrides(overrides)
    if seed is not None:
        given["seed"] = seed
    for old, new in old_names(given):
        complain(f"setting {old} is now called {new}")
    given = migrated(given)
    flat = dict(flatten(given))
    if "recipe" in flat:
        raise InputError("--set recipe: name the recipe itself: prusc run RECIPE")
    recipe = get_recipe(settings["recipe"])
    for key, value in recipe.fixed.items():
        if flat.get(key, value) != value:
            shown = str(value).lower() if isinstance(value, bool) else value
            raise InputError(f"--set {key}: recipe '{recipe.name}' fixes it to {shown}")
    whole = merge(merge(nested(recipe.defaults), migrated(settings)), given)
    if recipe.data and (name := whole["data"]["name"]) not in recipe.data:
        raise InputError(
            f"recipe '{recipe.name}' is for data set {' or '.join(recipe.data)}, not for '{name}'; see --data"
        )
    config = validate(merge(whole, nested(recipe.fixed)), "--set" if given else "settings")
    recipe.check(config)
    _check_rule(config, recipe)
    return Plan(config, recipe, recipe.name, None, flat)


def _check_rule(config: Config, recipe: Recipe) -> None:
    """Refuse an unknown finder, and the rule `worst-cell` if validation images will have no pseudo-groups.

    A table of the user is read later, in `check_files`.
    """
    finders = chosen(config)
    if config.select.rule != "worst-cell":
        return
    if "find" not in recipe.stage_names(config):
        raise InputError(
            f"select.rule=worst-cell: recipe '{recipe.name}' finds no pseudo-groups; take another rule, such as average"
        )
    for finder in finders:
        if not finder.validates(config):
            raise InputError(
                f"select.rule=worst-cell: finder '{finder.name}' gives validation images no pseudo-groups with these "
                "settings; take another rule, such as average, or another finder (find.by)"
            )


def config_of(record: RunRecord) -> Config:
    """Settings of a run on disk.

    Raises:
        InputError: one of them is unknown to this version.
    """
    return validate(as_recorded(record.config), f"run '{record.name}'")


def sharing_keys(config: Config) -> tuple[str, ...]:
    """One key for each stage, equal for runs that can share its artifacts, whatever the data are; imports torch.

    Raises InputError if a file that a stage reads is missing.
    """
    from core.engine.stage import stage_key

    keys: dict[str, str] = {}
    data = config.data.canonical_hash()
    for stage in get_recipe(config.recipe).stages(config):
        keys[stage.name] = stage_key(stage, [keys[name] for name in stage.inputs], data, config.seed)
    return tuple(keys.values())


def build_pipeline(config: Config) -> "Pipeline":
    """Create the stages of a configuration and find its data, without reading an image; imports torch.

    Raises:
        InputError: the folder or the table of a data set does not fit, or an image is missing.
    """
    from core.data.table import refuse_missing
    from core.engine.stage import Pipeline
    from experiments import bundled

    source = config.data.source(bundled.folder(), None)
    if source.table is not None:
        refuse_missing(source.table)
    stages = get_recipe(config.recipe).stages(config)
    for stage in stages:
        stage.content  # noqa: B018  # files are those of this moment: one that changes later fails its stage
    return Pipeline(stages, identify=source.fingerprint, load_data=source.load)
