"""PruSC: find the samples that contradict the shortcut, learn masks, fine-tune what is left, keep the best network.

What is published of masks and fine-tuning, and how ours differ: see `prusc_finetune`. Ours: the head of the masked
network is also refitted (see `prusc_head`); and of ERM, masks, fine-tuned network and refitted head, the one with the
best worst cell of validation is kept. An offset is added to the logits of each class where that improves the worst
cell: masks and fine-tuning on few images may learn the classes well and still favour one of them. Supervision: none,
unless select.rule or the finder uses groups.
"""

from core.config import Config
from core.engine.stage import Stage
from core.stages.balance import DrawBalancedSet
from core.stages.best import Best, KeepBest
from core.stages.finetune import FinetuneNetwork
from core.stages.head import Head, RefitHead
from core.stages.prune import LearnMasks
from experiments import equations
from experiments.finders import finding
from experiments.recipe import Recipe
from experiments.recipes import erm


def to_groups(config: Config) -> tuple[Stage, ...]:
    """Train by ERM, or use a given network; then find the pseudo-groups."""
    return (*erm.stages(config), *finding(config))


def to_balanced_set(config: Config) -> tuple[Stage, ...]:
    """Find the pseudo-groups, and draw the class-balanced set from them."""
    return (*to_groups(config), DrawBalancedSet(config.balance))


def to_subnetwork(config: Config) -> tuple[Stage, ...]:
    """Learn masks on the balanced set under the contrastive loss, then train the weights they keep."""
    return (
        *to_balanced_set(config),
        LearnMasks(config.prune, config.model, config.select, config.compute),
        FinetuneNetwork(config.finetune, config.model, config.select, source="prune", compute=config.compute),
    )


def stages(config: Config) -> tuple[Stage, ...]:
    """Fine-tune the subnetwork, or only refit its head; keep what is best in the worst cell, possibly ERM (ours)."""
    return (
        *to_subnetwork(config),
        RefitHead(config.section(Head), config.balance, config.model, source="prune"),
        keep_best(config, "erm", "prune", "finetune", "head"),
    )


def keep_best(config: Config, *sources: str) -> Stage:
    """Keep the best network of some stages.

    A head that was fitted on validation images gets no offsets, as only its cross-fitted predictions are fair. A
    network that was fine-tuned on them has none, and is not a candidate.
    """
    head: Head = config.section(Head)
    as_they_are = ("erm", "head") if head.split == "validation" else ("erm",)
    fair = tuple(of for of in sources if of != "finetune" or config.finetune.data == "balanced")
    return KeepBest(config.section(Best), config.model, fair, as_they_are)


PRUSC = Recipe(
    name="prusc",
    summary="Find what contradicts the shortcut, learn masks, fine-tune or refit the head; keep the best network.",
    kind="method",
    equations=equations.PRUSC,
    source=f"{equations.PAPER_PRUSC}; refitted head, choice and offsets: ours",
    stages=stages,
    fixed={"erm.objective": "erm"},
)
