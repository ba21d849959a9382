"""Settings of a run: frozen, validated sections with units and sources (no torch)."""

from collections.abc import Iterator
from functools import cache
from typing import Any, Self, TypeVar

from pydantic import ConfigDict, Field, create_model, model_validator

from core.config.data import DEFAULT, Data, DataSettings, data_sets
from core.config.section import OWN_SECTIONS, Section, Seed
from core.config.stages import (
    Balance,
    Cluster,
    Compute,
    Environments,
    Erm,
    Find,
    Finetune,
    Model,
    Prune,
    Represent,
    Select,
    Train,
)

__all__ = [
    "Balance",
    "Cluster",
    "Compute",
    "Config",
    "DataSettings",
    "Environments",
    "Erm",
    "Find",
    "Finetune",
    "Model",
    "Prune",
    "Represent",
    "Section",
    "Select",
    "Train",
    "config_model",
    "data_sets",
    "differences",
    "flatten",
]

S = TypeVar("S", bound=Section)


class Config(Section):
    """All settings that determine the results of a run."""

    model_config = ConfigDict(defer_build=True)  # data sets are discovered at first use

    recipe: str = "prusc"
    """Name of the recipe: the stages and their order."""
    seed: Seed = 0
    """Seed of initial weights, order, masks and pseudo-groups."""
    data: Data = Field(default_factory=lambda: data_sets()[DEFAULT]())
    model: Model = Model()
    erm: Erm = Erm()
    find: Find = Find()
    represent: Represent = Represent()
    cluster: Cluster = Cluster()
    balance: Balance = Balance()
    prune: Prune = Prune()
    finetune: Finetune = Finetune()
    environments: Environments = Environments()
    train: Train = Train()
    select: Select = Select()
    compute: Compute = Compute()
    deterministic: bool = False
    """Make results exactly reproducible on a GPU too; slower."""

    def section(self, kind: type[S]) -> S:
        """Settings of a section declared by a stage outside this package, such as `config.section(Errors)`."""
        return next(value for _, value in self if type(value) is kind)

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.cluster.per_class and self.prune.negatives != "other-class" and self.prune.contrast_weight > 0:
            raise ValueError(
                "cluster.per_class leaves one class per cluster, and so no negatives: set prune.negatives=other-class"
            )
        kept = (*self.erm.keep_epochs, self.erm.epochs)
        if isinstance(self.represent.checkpoints, tuple):
            if self.model.checkpoint:
                raise ValueError(
                    "represent.checkpoints: a given network (model.checkpoint) has one checkpoint; use last or kept"
                )
            for epoch in self.represent.checkpoints:
                if epoch not in kept or epoch > self.erm.epochs:
                    raise ValueError(
                        f"represent.checkpoints: ERM does not keep epoch {epoch:g}; add it to erm.keep_epochs"
                    )
        return self

    @model_validator(mode="after")
    def _given_for_erm(self) -> Self:
        if self.model.checkpoint and self.erm.objective != "erm":
            raise ValueError(
                f"model.checkpoint replaces training by ERM and does not work with erm.objective={self.erm.objective}"
            )
        return self

    @model_validator(mode="after")
    def _head_and_penalty(self) -> Self:
        classes, penalty = self.data.n_classes, self.train.penalty
        head = self.train.head_for(classes)
        if penalty == "multi-class" and head == "binary":
            raise ValueError(
                "train.penalty: a multi-class penalty needs a logit for every class, but train.head=binary has one; "
                "set train.head=multi-class, or train.penalty=binary"
            )
        if penalty == "binary" and head == "multi-class":
            raise ValueError("train.penalty: a binary penalty needs the one logit of train.head=binary")
        if head == "binary" and classes not in (0, 2):
            raise ValueError(f"train.head: a binary head needs two labels, but the data has {classes}")
        return self


def config_model() -> type[Config]:
    """`Config` with the sections of all stages, those of installed packages too: what settings are read by.

    Raises:
        ValueError: a stage declares a section with a name that is already taken.
    """
    from core import discovery

    discovery.import_stages()
    return _with_sections(tuple(OWN_SECTIONS.items()), tuple(data_sets().items()))


@cache
def _with_sections(sections: tuple[tuple[str, type[Section]], ...], _: Any) -> type[Config]:
    """Make the model; it is made anew if the data sets change, which its field `data` holds."""
    if not sections:
        return Config
    if taken := [name for name, _ in sections if name in Config.model_fields]:
        raise ValueError(f"the section name '{taken[0]}' is already taken; give the new section another name")
    fields: dict[str, Any] = {name: (kind, kind()) for name, kind in sections}
    return create_model("Config", __base__=Config, **fields)


def flatten(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the items of a nested mapping as (`a.b`, value) pairs, in order."""
    for key, item in value.items():
        if isinstance(item, dict):
            yield from flatten(item, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", item


def differences(config: Config, base: Config) -> dict[str, tuple[Any, Any]]:
    """Settings in which two configurations differ: dotted key → (value in `config`, in `base`), None if absent."""
    ours, theirs = (dict(flatten(c.model_dump(mode="json"))) for c in (config, base))
    keys = [*ours, *(k for k in theirs if k not in ours)]
    return {k: (ours.get(k), theirs.get(k)) for k in keys if ours.get(k) != theirs.get(k)}
