"""Which settings a recipe reads, and in which way it makes a stage (no torch: the stages know, but they import it)."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from experiments.recipe import Recipe

_REFERENCE = tuple(f"train.{name}" for name in ("network", "hidden", "head", "steps", "batch_size", "lr", "l2"))
_FROM_CLUSTERS = ("environments.rule", "environments.shares", "environments.relative")
_BY_EIIL = ("environments.reference", "environments.eiil_steps", "environments.eiil_lr")

STAGES: Mapping[str, tuple[str, ...]] = {
    "erm": ("erm", "model", "select", "compute"),
    "represent": ("represent", "erm", "model", "compute"),
    "cluster": ("cluster",),
    "balance": ("balance", "cluster"),
    "prune": ("prune", "model", "select", "compute"),
    "finetune": ("finetune", "model", "select", "compute"),
    "reference": (*_REFERENCE, "select"),
    "environments": _FROM_CLUSTERS,
    "train": ("train", "select"),
}
"""Stage → what it reads: whole sections, or single settings by their dotted keys."""

_WAYS: Mapping[str, Mapping[str, str]] = {
    "finetune": {"finetune-only": "nothing pruned", "last-layer": "head alone"},
    "environments": {
        "irm-random": "by lot",
        "irm-given": "given",
        "erm-pooled": "pooled",
        "erm-grey": "pooled",
        "eiil": "EIIL",
        "eiil-attribute": "EIIL",
    },
    "train": {"erm-balance": "balanced alone"},
}
"""Stage → recipe that makes it in a way of its own → name of the way; all others make it in the same one."""

_READ_BY_WAY: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("finetune", "head alone"): ("finetune.head_penalty", "model"),
    ("environments", "given"): (),
    ("environments", "pooled"): (),
    ("environments", "EIIL"): (*_BY_EIIL, *_REFERENCE),
}
"""(stage, way) → what is read where it is not what `STAGES` says."""

_ONLY_WITH: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "erm.dro_step_size": ("erm.objective", ("group-dro",)),
    "model.checkpoint": ("erm.objective", ("erm",)),
    "cluster.file": ("cluster.method", ("kmeans",)),
    "environments.shares": ("environments.rule", ("shares",)),
    "train.penalty": ("train.objective", ("irm", "vrex", "group-dro")),
    "train.penalty_weights": ("train.objective", ("irm", "vrex")),
    "train.anneal_until": ("train.objective", ("irm", "vrex")),
    "train.rescale": ("train.objective", ("irm", "vrex")),
    "train.estimator": ("train.objective", ("irm", "vrex", "group-dro")),
    "train.dro_step_size": ("train.objective", ("group-dro",)),
}
"""Setting → another one and its values with which it is read; a recipe that fixes another value reads it nowhere."""

_NEVER_WITH: Mapping[str, tuple[str, ...]] = {
    "model.checkpoint": ("erm", "model.weights", "represent.checkpoints"),
    "cluster.file": tuple(f"cluster.{name}" for name in ("method", "k", "candidates", "restarts", "max_iterations")),
}
"""File that takes the place of work → sections and settings of that work, which have no say beside it."""


IN_PLACE = tuple(_NEVER_WITH)
"""Settings that may name a file which takes the place of work."""


def way_of(recipe: "Recipe", stage: str) -> str:
    """In which way a recipe makes a stage; what two recipes make in the same way from equal settings is equal."""
    return _WAYS.get(stage, {}).get(recipe.name, "")


def read_by(recipe: "Recipe", stage: str) -> tuple[str, ...]:
    """Sections and dotted keys that a stage of a recipe reads."""
    return _READ_BY_WAY.get((stage, way_of(recipe, stage)), STAGES[stage])


def reads(recipe: "Recipe", key: str, stages: Sequence[str] | None = None, *, files: Collection[str] = ()) -> bool:
    """Whether a setting of a section has a say in these stages, or in any stage of the recipe.

    Args:
        recipe: the recipe.
        key: dotted key of the setting.
        stages: some of the recipe's; all by default.
        files: keys of those settings whose file takes the place of work.
    """
    if key in _ONLY_WITH:
        other, values = _ONLY_WITH[key]
        if recipe.fixed.get(other, values[0]) not in values:
            return False
    names = {key, key.partition(".")[0]}
    if any(names & {*_NEVER_WITH[file]} for file in files):
        return False
    return any(names & {*read_by(recipe, stage)} for stage in (recipe.stage_names if stages is None else stages))
