"""The form of a new run: fields, values, validity and the resulting order (no torch).

Command line and errors are those of `prusc run`, as both share the planning functions.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any

from core.config import config_model, flatten
from core.errors import InputError
from core.overrides import merge, nest, validate
from experiments import finders
from experiments.catalog import DEFAULT, get_preset, preset_names
from experiments.files import missing_paths
from experiments.fork import plan_fork, recipes_after
from experiments.order import Order
from experiments.plan import Plan, make_plan
from experiments.recipes import RECIPES, get_recipe
from experiments.sweeps.order import SweepOrder
from prusc_tui.schema import Setting, override_of, section_help, settings_of, text_of
from prusc_tui.screens.new_run.entries import Entries
from prusc_tui.screens.new_run.fields import DEFAULTS, FIXED, RUN_FIELDS, Field, Origin, open_choice, with_choices
from prusc_tui.screens.new_run.several import SEED, SEPARATOR, grid_of, seed_words, variants

if TYPE_CHECKING:
    from core.config import Config
    from experiments.fork import Fork


@dataclass(frozen=True, slots=True)
class Check:
    """Result of checking the form."""

    plan: Plan | None
    """None if the form is invalid."""
    sentence: str
    """The first error, as the command line shows it."""
    errors: Mapping[str, str]
    """Key → error of its value, regardless of other values."""


class Form:
    """A new run, as far as it is filled in.

    Args:
        target: recipe or preset; for a fork the recipe, None for that of the source.
        fork: run to start from.

    Raises:
        InputError: the recipe or preset does not exist.
    """

    def __init__(self, target: str | None = None, fork: "Fork | None" = None) -> None:
        self.fork = fork
        if fork is not None:
            self.recipe, self.preset = target or fork.source.recipe, DEFAULT
        else:
            plan = make_plan(target)
            self.recipe, self.preset = plan.recipe.name, plan.preset or DEFAULT
        self._by_recipe = target in RECIPES
        self._own_preset = self.preset != get_recipe(self.recipe).preset
        """Whether the user chose the preset, so that another recipe keeps it."""
        self._of_preset = get_preset(self.preset).settings
        self._typed: dict[str, str] = {}
        self._of_run = Entries()
        self._begin()

    @property
    def target(self) -> str | None:
        """Recipe or preset, as after `prusc run`."""
        if self.fork is not None:
            return None if self.recipe == self.fork.source.recipe else self.recipe
        return self.recipe if self._by_recipe or self._of_preset["recipe"] != self.recipe else self.preset

    @property
    def title(self) -> str:
        if self.fork is not None:
            return f"{self.recipe} from {self.fork.source.name}:{self.fork.stage}"
        return self.preset if self.target == self.preset else f"{self.recipe} on {self.preset}"

    @property
    def launcher(self) -> str:
        return self._of_run.launcher

    @property
    def size(self) -> int:
        """Number of runs: several if fields have several values; a fork is one."""
        if self.fork is not None:
            return 1
        return prod(len(self._values(setting)) for setting in self._entered())

    def set(self, key: str, text: str) -> None:
        """Enter a value; an empty one resets it.

        Raises:
            InputError: the recipe, preset or stage does not fit the rest; nothing is changed.
        """
        if key in ("recipe", "preset", "stage"):
            before = dict(vars(self))
            try:
                self._choose(key, text)
                self._begin()
            except InputError:
                vars(self).update(before)
                raise
        elif key in DEFAULTS:
            self._of_run.set(key, text)
        else:
            self._typed.pop(key, None)
            if text.strip():
                self._typed[key] = text
            if key == "data.name":
                self._begin()
        self._of_run.several = self.size > 1

    def take_over(self, other: "Form") -> None:
        """Take over the entries of another form, except those that do not apply."""
        self._typed, self._of_run = dict(other._typed), Entries(other._of_run.entered)
        self._begin()
        self._of_run.several = self.size > 1

    def fields(self) -> list[Field]:
        """All fields that the recipe uses, in order."""
        errors = self.check().errors
        changed = {setting.key for setting in self._changed()} | errors.keys()
        hidden = "preset" if self.fork else "stage"
        of_run = [self._run_field(key, errors) for key in RUN_FIELDS if key != hidden]
        of_model = {
            setting.key: self._model_field(setting, errors, changed)
            for setting in self._settings
            if setting.key != "recipe" and self._is_used(setting)
        }
        seed, deterministic, name = (of_model.pop(key) for key in ("seed", "deterministic", "data.name"))
        return [*of_run[:2], seed, *of_run[2:], deterministic, name, *of_model.values()]

    def section_help(self) -> dict[str, str]:
        return section_help(type(self._shape.config.data))

    def check(self) -> Check:
        plan, errors = None, self._of_run.errors()
        sentence = next(iter(errors.values()), "")
        try:
            for setting in self._entered():
                if why := self._wrong_number(setting, self._typed[setting.key]):
                    raise InputError(f"{setting.key}: {why}")
            plan = self._plan(self._overrides())
            for setting in self._entered():
                for value in self._further(setting):
                    self._plan(self._overrides({setting.key: value}))
        except InputError as error:
            sentence = _plain(error)
            alone = {s.key: self.validate_one(s.key, self._typed[s.key]) for s in self._entered()}
            errors |= {key: own for key, own in alone.items() if own is not None}
        else:
            gone = self._absent(plan)
            errors |= gone
            sentence = sentence or next((why if key in why else f"{key}: {why}" for key, why in gone.items()), "")
        return Check(None if sentence else plan, sentence, errors)

    def validate_one(self, key: str, text: str) -> str | None:
        """Error of a value, regardless of the others; None if it is valid. Of several, the first error."""
        setting = next(one for one in self._settings if one.key == key)
        if why := self._wrong_number(setting, text):
            return why
        values = variants(setting, text)
        found = (self._validate_value(setting, value) for value in (values[:1] if key == SEED else values))
        return next(filter(None, found), None)

    def _wrong_number(self, setting: Setting, text: str) -> str:
        """What is wrong with the number of values; empty if nothing is."""
        try:
            several = len(variants(setting, text)) > 1
        except InputError as error:
            return str(error)
        return "a run that starts from another one takes one value" if several and self.fork is not None else ""

    def _validate_value(self, setting: Setting, text: str) -> str | None:
        key, name = setting.key, self._typed.get("data.name")
        try:
            plan = self._plan([*([f"data.name={name}"] if name else []), override_of(setting, text)])
        except InputError as error:
            whole = _plain(error)
            own = whole.removeprefix(f"{key} = ")
            return None if own == whole else own.rpartition(": ")[2]
        return self._absent(plan).get(key)

    def differences(self) -> dict[str, tuple[str, str]]:
        """Changed settings: dotted key → (value, value without the change)."""
        return {
            field.setting.key: (field.text, field.base)
            for field in self.fields()
            if field.changed and field.setting.key not in RUN_FIELDS
        }

    def order(self) -> Order | SweepOrder:
        """What is to be started; a sweep if fields have several values."""
        changed = self._changed()
        if self.size == 1:
            return self._order(changed)
        several = [setting for setting in changed if len(self._values(setting)) > 1]
        shared = self._order(setting for setting in changed if setting not in several)
        grid = {s.key: grid_of(s, self._values(s)) for s in several if s.key != SEED}
        seeds = next((seed_words(self._typed[SEED]) for s in several if s.key == SEED), None)
        return SweepOrder(order=shared, grid=grid, seeds=seeds if shared.seed is None else str(shared.seed))

    def _order(self, settings: Iterable[Setting]) -> Order:
        """The order of a run with the entered values of these settings."""
        changed = {setting.key: override_of(setting, self._values(setting)[0]) for setting in settings}
        seed = changed.get("seed", "").partition("=")[2]
        if seed.isdecimal():
            del changed["seed"]
        on_data = self.fork is None and self.target == self.recipe and self.preset != get_recipe(self.recipe).preset
        return Order(
            target=self.target,
            data=self.preset if on_data else None,
            overrides=tuple(changed.values()),
            seed=int(seed) if seed.isdecimal() else None,
            fork=f"{self.fork.source.id}:{self.fork.stage}" if self.fork else None,
            **self._of_run.order(),
        )

    def command_line(self) -> list[str]:
        return self.order().words()

    def _choose(self, key: str, text: str) -> None:
        if key == "recipe":
            self.recipe, self._by_recipe = get_recipe(text).name, False
            if self.fork is None and not self._own_preset:
                self.preset = get_recipe(text).preset
        elif key == "preset":
            self.preset, self._own_preset = text, text != get_recipe(self.recipe).preset
        elif self.fork is not None:
            self.fork = replace(self.fork, stage=text)
        self._of_preset = get_preset(self.preset).settings

    def _begin(self) -> None:
        """Plan again before a setting is changed."""
        self._ground = self._outline([])
        try:
            self._shape = self._outline([f"data.name={self._typed['data.name']}"])
        except (KeyError, InputError):
            self._shape = self._ground
        data = type(self._shape.config.data)
        self._settings = settings_of(data)
        self._base = _flat(self._shape.config)
        self._defaults = _flat(config_model()(data=data()))
        self._set_by_preset = set() if self.fork else dict(flatten(self._of_preset)).keys()

    def _plan(self, overrides: list[str]) -> Plan:
        if self.fork is not None:
            return plan_fork(self.fork, self.target, overrides)
        data = self.preset if self.target == self.recipe else None
        return make_plan(self.target, data=data, overrides=overrides)

    def _outline(self, overrides: list[str]) -> Plan:
        """The plan; if recipe and data do not fit, the plan as if they did, so that the form can be shown.

        Raises:
            InputError: the values are invalid for any recipe, or a fork is.
        """
        try:
            return self._plan(overrides)
        except InputError:
            if self.fork is not None:
                raise
        recipe, config = get_recipe(self.recipe), make_plan(self.preset, overrides=overrides).config
        settings, known = config.model_dump(), _flat(config)
        for key, value in recipe.fixed.items():
            if key in known:
                merge(settings, nest(key.split("."), value))
        return Plan(validate(settings, "settings"), recipe, recipe.name, self.preset, {})

    def _entered(self) -> list[Setting]:
        """Entered settings that apply to the current recipe and data."""
        return [s for s in self._settings if s.key in self._typed and self._is_free(s)]

    def _is_free(self, setting: Setting) -> bool:
        """Whether the recipe reads a setting that is neither fixed nor taken over."""
        return self._is_used(setting) and self._origin(setting) not in FIXED

    def _is_used(self, setting: Setting) -> bool:
        return setting.section in ("", "data") or self._ground.recipe.reads(self._with_files(), setting.key)

    def _values(self, setting: Setting) -> tuple[str, ...]:
        """The entered values of a setting, as they are if they are invalid."""
        try:
            return variants(setting, self._typed[setting.key])
        except InputError:
            return (self._typed[setting.key],)

    def _further(self, setting: Setting) -> tuple[str, ...]:
        """The values after the first that need to be checked: of seeds, the last stands for all."""
        values = self._values(setting)[1:]
        return values[-1:] if setting.key == SEED else values

    def _with_files(self) -> "Config":
        """The settings plus the entered finder, and files that replace a stage's work: what decides which are read."""
        config = self._ground.config
        by, file = (self._first(key).strip() for key in ("find.by", "find.file"))
        if by in finders.choices():
            # The finder `file` has its settings before it has its file.
            find = {"by": by, "file": (file or by) if by == finders.FILE else self._base_text("find.file")}
            config = config.model_copy(update={"find": config.find.model_copy(update=find)})
        for key in self._ground.recipe.replaceable(config):
            section, _, name = key.partition(".")
            file = self._first(key).strip().strip("\"'")
            part = getattr(config, section).model_copy(update={name: file})
            config = config.model_copy(update={section: part})
        return config

    def _absent(self, plan: "Plan") -> dict[str, str]:
        """Missing files and folders of a plan, except those that no stage will read."""
        found = missing_paths(plan.config)
        return {s.key: found[s.key] for s in self._settings if s.key in found and self._is_free(s)}

    def _first(self, key: str) -> str:
        """The first value of a setting, entered or not."""
        return self._typed[key].split(SEPARATOR)[0] if key in self._typed else self._base_text(key)

    def _overrides(self, instead: Mapping[str, str] | None = None) -> list[str]:
        """The entered settings with their first values, or with these."""
        chosen = instead or {}
        return [override_of(s, chosen.get(s.key, self._values(s)[0])) for s in self._entered()]

    def _changed(self) -> list[Setting]:
        """Entered values that differ from the default, including invalid ones."""
        try:
            now = _flat(self._plan(self._overrides()).config)
        except InputError:
            return [s for s in self._entered() if self._typed[s.key].strip() != self._base_text(s.key)]
        base = self._base | {"data.name": self._ground.config.data.name}
        return [s for s in self._entered() if now[s.key] != base[s.key] or len(self._values(s)) > 1]

    def _base_text(self, key: str) -> str:
        return self._ground.config.data.name if key == "data.name" else text_of(self._base[key])

    def _model_field(self, setting: Setting, errors: Mapping[str, str], changed: Iterable[str]) -> Field:
        key = setting.key
        base = self._base_text(key)
        setting = open_choice(setting, self._typed.get(key, base))
        if (origin := self._origin(setting)) in FIXED:
            return Field(setting, base, base, origin)
        text = self._typed.get(key, base)
        made = Field(setting, text, base, "person" if key in changed else origin, errors.get(key, ""))
        return replace(made, several=self.fork is None)

    def _origin(self, setting: Setting) -> Origin:
        """Source of the value that is not entered."""
        key, ground = setting.key, self._ground
        if self.fork is not None and (
            setting.section == "data" or key == "seed" or ground.recipe.reads(ground.config, key, self.fork.stages)
        ):
            return "taken over"
        if key in ground.recipe.fixed:
            return "recipe"
        if key in self._set_by_preset:
            return "preset"
        return "source" if self.fork and self._base[key] != self._defaults[key] else "default"

    def _run_field(self, key: str, errors: Mapping[str, str]) -> Field:
        if key in DEFAULTS:
            base = self._ground.base_name if key == "name" and not self._of_run.several else ""
            return self._of_run.field(key, base, errors.get(key, ""))
        if key == "recipe":
            names = recipes_after(self.fork) if self.fork else tuple(RECIPES)
            setting, text = with_choices(key, names, self._ground.recipe.summary), self.recipe
        elif self.fork is not None:
            done = tuple(stage.name for stage in self.fork.source.stages if stage.status == "done")
            setting, text = with_choices(key, done), self.fork.stage
        else:
            setting, text = with_choices(key, tuple(preset_names())), self.preset
        return Field(setting, text, text, "default")


def _plain(error: InputError) -> str:
    return str(error).removeprefix("--set: ").removeprefix("settings: ").removesuffix("; see --data")


def _flat(config: "Config") -> dict[str, Any]:
    return dict(flatten(config.model_dump()))
