"""What can be set about a run: frozen, validated sections with units and sources (no torch)."""

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
    """Everything that decides what a run computes."""

    model_config = ConfigDict(defer_build=True)  # which data sets there are is looked for when it is first needed

    recipe: str = "prusc"
    """Name of the recipe: which stages, in which order."""
    seed: Seed = 0
    """Seed of initial weights, order, masks and clusters."""
    data: Data = Field(default_factory=lambda: data_sets()[DEFAULT]())
    model: Model = Model()
    erm: Erm = Erm()
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
    """Ask for the same bits from run to run on a GPU too; slower."""

    def section(self, kind: type[S]) -> S:
        """The settings of a section that a stage outside this package declares, such as `config.section(Errors)`."""
        return next(value for _, value in self if type(value) is kind)

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.cluster.per_class and self.prune.negatives != "other-class" and self.prune.contrast_weight > 0:
            raise ValueError(
                "cluster.per_class leaves one class in a cluster, so no negatives: set prune.negatives=other-class"
            )
        kept = (*self.erm.keep_epochs, self.erm.epochs)
        if isinstance(self.represent.checkpoints, tuple):
            if self.model.checkpoint:
                raise ValueError(
                    "represent.checkpoints: a network that is given (model.checkpoint) has its last checkpoint only; "
                    "take last or kept"
                )
            for epoch in self.represent.checkpoints:
                if epoch not in kept or epoch > self.erm.epochs:
                    raise ValueError(f"represent.checkpoints: ERM keeps no epoch {epoch:g}; add it to erm.keep_epochs")
        return self

    @model_validator(mode="after")
    def _given_for_erm(self) -> Self:
        if self.model.checkpoint and self.erm.objective != "erm":
            raise ValueError(
                "model.checkpoint stands in for training by ERM, and erm.objective="
                f"{self.erm.objective} trains in another way"
            )
        return self

    @model_validator(mode="after")
    def _head_and_penalty(self) -> Self:
        classes, penalty = self.data.n_classes, self.train.penalty
        head = self.train.head_for(classes)
        if penalty == "multi-class" and head == "binary":
            raise ValueError(
                "train.penalty: a multi-class penalty needs a logit for every class, and train.head=binary has one; "
                "set train.head=multi-class, or train.penalty=binary"
            )
        if penalty == "binary" and head == "multi-class":
            raise ValueError("train.penalty: a binary penalty needs the one logit of train.head=binary")
        if head == "binary" and classes not in (0, 2):
            raise ValueError(f"train.head: one logit tells two labels apart, and the data has {classes}")
        return self


def config_model() -> type[Config]:
    """`Config` with the sections of all stages, those of installed packages too: what settings are read by.

    Raises:
        ValueError: a stage declares a section whose name is taken.
    """
    from core import discovery

    discovery.import_stages()
    return _with_sections(tuple(OWN_SECTIONS.items()))


@cache
def _with_sections(sections: tuple[tuple[str, type[Section]], ...]) -> type[Config]:
    if not sections:
        return Config
    if taken := [name for name, _ in sections if name in Config.model_fields]:
        raise ValueError(f"the settings have a section '{taken[0]}' already; give the new one another name")
    fields: dict[str, Any] = {name: (kind, kind()) for name, kind in sections}
    return create_model("Config", __base__=Config, **fields)


def flatten(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Walk a nested mapping as (`a.b`, value) pairs, in its order."""
    for key, item in value.items():
        if isinstance(item, dict):
            yield from flatten(item, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", item


def differences(config: Config, base: Config) -> dict[str, tuple[Any, Any]]:
    """Settings in which two configurations differ: dotted key → (value in `config`, in `base`), None where absent."""
    ours, theirs = (dict(flatten(c.model_dump(mode="json"))) for c in (config, base))
    keys = [*ours, *(k for k in theirs if k not in ours)]
    return {k: (ours.get(k), theirs.get(k)) for k in keys if ours.get(k) != theirs.get(k)}
