"""The fields of a new run: settings of the config model with their values, and what only a run has."""

from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from prusc_tui.schema import Setting

Origin = Literal["default", "preset", "recipe", "source", "taken over", "person"]
FIXED: tuple[Origin, ...] = ("recipe", "taken over")
"""Origins of values that cannot be set."""

HERE = "in this process"
"""Label of the launcher `local`."""
ON, OFF = "true", "false"

RESOURCES: dict[str, Setting] = {
    setting.key: setting
    for setting in (
        Setting("gpus", "whole", "GPUs that the run gets; 0 for a slot of the CPU.", expects="a whole number ≥ 0"),
        Setting("gpu_memory", "number", "GiB that it needs on a GPU, which it may share.", expects="a number > 0"),
        Setting("threads", "whole", "Threads of the CPU that it gets.", expects="a whole number ≥ 1"),
        Setting("profile", "text", "SLURM profile of the settings file.", expects="a name"),
        Setting("minutes", "whole", "Time limit of the SLURM job.", unit="minutes", expects="a whole number ≥ 1"),
    )
}
"""What a run asks of a launcher that takes it: fields of `Resources` by name."""

DEFAULTS = {"name": "", "tags": "", "device": "auto", "start": "detached", "fresh": OFF} | dict.fromkeys(RESOURCES, "")
"""Key → initial value; recipe, preset and stage have none."""

RUN_FIELDS: dict[str, Setting] = {
    setting.key: setting
    for setting in (
        Setting("recipe", "choice", "Which stages to run."),
        Setting("preset", "choice", "Preset that provides data and values."),
        Setting("stage", "choice", "Stages up to this one are reused from the other run unchanged."),
        Setting("name", "text", "Name of the run; must be new.", expects="a name"),
        Setting("tags", "list", "Labels for the run log.", expects="words separated by commas or spaces"),
        Setting(
            "device", "text", "Where to compute; auto takes the first GPU that is free.", expects="auto, cpu or cuda:N"
        ),
        Setting("start", "choice", "Which process runs it."),
        *RESOURCES.values(),
        Setting("fresh", "switch", "Compute every stage, even if another run has its result."),
    )
}
"""Fields outside the config model by key, in the order of the form."""

USUAL = frozenset(
    (
        *("recipe", "preset", "stage", "seed", "name", "tags", "device", "start"),
        *RESOURCES,
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
        several: whether it may have several values, which make a sweep.
        hidden: whether it does not apply at the moment.
    """

    setting: Setting
    text: str
    base: str
    origin: Origin
    error: str = ""
    several: bool = False
    hidden: bool = False

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
            from experiments.data.sets import data_sets

            return replace(setting, choices=tuple(data_sets()))
        case "find.by":
            from experiments.finders import choices

            finders = choices()
            help = " ".join(f"`{name}`: {finders[name]}" for name in sorted(finders, key=lambda name: name != text))
            return replace(setting, kind="choice", choices=tuple(finders), help=help, expects=", ".join(finders))
    return setting


@cache
def places(several: bool = False) -> tuple[tuple[str, ...], str]:
    """Choices of the field `start`, the default first, with their descriptions; several runs need a queue."""
    from experiments.launchers import launcher, names

    hosts = [launcher(name) for name in names()]
    choices = {
        HERE if host.name == "local" else host.name: host.summary for host in hosts if host.queues or not several
    }
    first = sorted(choices, key=lambda choice: choice != ("queue" if several else DEFAULTS["start"]))
    return tuple(first), " ".join(f"{choice.capitalize()}: {choices[choice]}" for choice in first)
