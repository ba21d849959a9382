"""The fields of a new run: settings of the config model with their values, and what only a run has."""

from dataclasses import dataclass, replace
from typing import Literal

from prusc_tui.schema import Setting

Origin = Literal["default", "preset", "recipe", "source", "taken over", "person"]
FIXED: tuple[Origin, ...] = ("recipe", "taken over")
"""Origins of values that cannot be set."""

HERE = "in this process"
"""Label of the launcher `local`."""
ON, OFF = "true", "false"

DEFAULTS = {"name": "", "tags": "", "device": "auto", "start": "detached", "fresh": OFF}
"""Key → initial value; recipe, preset and stage have none."""

RUN_FIELDS: dict[str, Setting] = {
    setting.key: setting
    for setting in (
        Setting("recipe", "choice", "Which stages to run."),
        Setting("preset", "choice", "Preset that provides data and values."),
        Setting("stage", "choice", "Stages up to this one are taken over from the other run unchanged."),
        Setting("name", "text", "Name of the run; must be new.", expects="a name"),
        Setting("tags", "list", "Labels for the run log.", expects="words separated by commas or spaces"),
        Setting(
            "device", "text", "Where to compute; auto takes the first GPU that is free.", expects="auto, cpu or cuda:N"
        ),
        Setting("start", "choice", "Which process runs it."),
        Setting("fresh", "switch", "Compute every stage, even if another run has its result."),
    )
}
"""Fields outside the config model by key, in the order of the form."""

USUAL = frozenset(
    (
        *("recipe", "preset", "stage", "seed", "name", "tags", "device", "start"),
        *("data.train_size", "data.correlation", "data.environment_noise", "data.label_noise", "data.root"),
        *("model.name", "model.weights", "model.checkpoint"),
        *("erm.epochs", "erm.batch_size", "erm.lr", "find.by", "find.file", "cluster.k"),
        *("prune.steps", "prune.lr", "prune.contrast_weight", "prune.sparsity_weight"),
        *("finetune.steps", "finetune.lr", "environments.rule", "train.network", "train.restarts"),
        *("train.penalty_weights", "train.anneal_until", "train.steps", "train.batch_size", "train.lr", "select.rule"),
    )
)
"""Frequently changed fields; the others are shown on request."""


@dataclass(frozen=True, slots=True)
class Field:
    """A setting with its value.

    Attributes:
        setting: the setting.
        text: current or entered value.
        base: value if it is not entered.
        origin: source of the value.
        error: why it is invalid; empty if it is not.
    """

    setting: Setting
    text: str
    base: str
    origin: Origin
    error: str = ""

    @property
    def changed(self) -> bool:
        return self.origin == "person"

    @property
    def fixed(self) -> bool:
        return self.origin in FIXED

    @property
    def usual(self) -> bool:
        """Whether it is frequently changed, or was changed here."""
        return self.setting.key in USUAL or self.changed or bool(self.error)


def with_choices(key: str, choices: tuple[str, ...], help: str = "") -> Setting:
    """The field of a run with its current choices."""
    return replace(RUN_FIELDS[key], choices=choices, help=help or RUN_FIELDS[key].help)


def open_choice(setting: Setting, text: str) -> Setting:
    """A setting with an open set of names as a choice of those that there are; other settings as they are.

    The help starts with the summary of the current choice `text`.
    """
    match setting.key:
        case "data.name":
            from experiments.data_sets import data_sets

            return replace(setting, choices=tuple(data_sets()))
        case "find.by":
            from experiments.finders import choices

            finders = choices()
            help = " ".join(f"`{name}`: {finders[name]}" for name in sorted(finders, key=lambda name: name != text))
            return replace(setting, kind="choice", choices=tuple(finders), help=help, expects=", ".join(finders))
    return setting


def places() -> tuple[tuple[str, ...], str]:
    """Choices of the field `start`, the default first, with their descriptions."""
    from experiments.launchers import launcher, names

    choices = {HERE if name == "local" else name: launcher(name).summary for name in names()}
    first = sorted(choices, key=lambda choice: choice != DEFAULTS["start"])
    return tuple(first), " ".join(f"{choice.capitalize()}: {choices[choice]}" for choice in first)
