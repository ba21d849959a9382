"""Stage `environments`: which training samples are in which environment, by each of the ways there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from core.clustering.composition import Alarm
from core.config import Environments as Settings
from core.config import Train
from core.data.dataset import groups
from core.engine.context import StageContext
from core.engine.stage import StageResult
from core.errors import InputError
from core.events import EnvironmentsMade, Scalars, StageStarted, Warned
from core.groups import group_titles
from core.invariance.eiil import SoftAssignment, split
from core.invariance.environments import (
    Booleans,
    Environments,
    by_lot,
    by_number,
    conflict_samples,
    infer,
    require_two,
    save_environments,
)
from core.invariance.makeup import alarms, makeup, quality, reference_alarm
from core.invariance.penalty import sample_losses, scale_gradients
from core.stages.cluster import CLUSTERS, features_file
from core.stages.members import reference_logits
from core.tensors import load_tensors

LOG_POINTS = 100
"""Points of EIIL's penalty that are reported."""


@dataclass(frozen=True)
class PoolAll:
    """One environment with all training samples, for plain ERM."""

    name: ClassVar[str] = "environments"
    version: ClassVar[int] = 1
    inputs: ClassVar[tuple[str, ...]] = ()

    def run(self, context: StageContext) -> StageResult:  # noqa: D102
        context.emit(StageStarted(context.stage, 1))
        everyone = np.arange(len(context.data.splits["train"]))
        return _hand_on(context, Environments(("all",), (everyone,)), "all training samples")


@dataclass(frozen=True)
class TakeGiven:
    """The environments that the training split brings with it: knowledge that other ways do without."""

    name: ClassVar[str] = "environments"
    version: ClassVar[int] = 1
    inputs: ClassVar[tuple[str, ...]] = ()

    def run(self, context: StageContext) -> StageResult:  # noqa: D102
        context.emit(StageStarted(context.stage, 1))
        numbers = context.data.splits["train"].environments
        if numbers is None:
            raise InputError(f"data set '{context.data.name}' brings no training environments; infer them (recipe irm)")
        environments = by_number(numbers, context.data.environments)
        require_two(environments)
        return _hand_on(context, environments, "given with the data")


@dataclass(frozen=True)
class InferFromClusters:
    """Environments from the samples that go against the majority label of their cluster.

    Args:
        environments: settings.
        lot: put other samples of the same label into every place: the control that knows sizes and labels alone.
    """

    environments: Settings
    lot: bool = False
    name: ClassVar[str] = "environments"
    version: ClassVar[int] = 1
    inputs: ClassVar[tuple[str, ...]] = ("represent", "cluster")

    def run(self, context: StageContext) -> StageResult:  # noqa: D102
        context.emit(StageStarted(context.stage, 1))
        labels = context.data.splits["train"].labels
        saved = load_tensors(context.input("cluster") / CLUSTERS)
        clusters = saved["assignments"].numpy()
        k, n_classes = saved["table"].shape
        classes = load_tensors(features_file(context.input("represent"), saved["epoch"].item()))["classes"].numpy()
        _warn(context, [alarm] if (alarm := reference_alarm(float((classes == labels).mean()))) else [])
        settings = self.environments
        conflicts = conflict_samples(clusters, labels, k, n_classes, relative=settings.relative)
        seed = context.streams.seed("environments")
        found = infer(settings.rule, conflicts, clusters, labels, seed=seed, shares=settings.shares)
        require_two(found)
        if self.lot:
            drawn = by_lot(found, labels, seed=context.streams.seed("lot"))
            return _hand_on(context, drawn, f"by lot, sizes and labels as by {settings.rule}")
        return _hand_on(context, found, f"clusters, rule {settings.rule}", conflicts)


@dataclass(frozen=True)
class InferByEiil:
    """Environments in which a reference looks least invariant (EIIL, arXiv 2010.07249).

    Args:
        environments: settings; the reference is a network trained by ERM, or the attribute.
        train: of the reference network; the defaults where there is none.
    """

    environments: Settings
    train: Train
    name: ClassVar[str] = "environments"
    version: ClassVar[int] = 1

    @property
    def inputs(self) -> tuple[str, ...]:  # noqa: D102
        return ("reference",) if self.environments.reference == "erm" else ()

    def run(self, context: StageContext) -> StageResult:  # noqa: D102
        settings = self.environments
        labels = torch.from_numpy(context.data.splits["train"].labels).to(context.device)
        logits = self._logits(context)
        guesses = (logits > 0).long() if logits.dim() == 2 else logits.argmax(-1)
        alarm = reference_alarm((guesses == labels).float().mean().item())
        assignment = SoftAssignment(
            scale_gradients(logits, labels)[0], context.generator("eiil", context.device), lr=settings.eiil_lr
        )
        if (saved := context.resume_state()) is not None:
            assignment.load_state_dict(saved)
        total = settings.eiil_steps
        context.emit(StageStarted(context.stage, total, assignment.steps))
        every = max(1, total // LOG_POINTS)
        while assignment.steps < total:
            context.at_boundary(assignment.state_dict)
            assignment.step()
            done = assignment.steps
            if done % every == 0 or done == total:
                values = {"EIIL penalty": assignment.penalty().item()}
                context.emit(Scalars(context.stage, done, float(done), values))
            context.progress(done, total)
        found = split(assignment.q > 0.5, sample_losses(logits, labels)[0])
        _warn(context, [alarm] if alarm else [])
        require_two(found)
        worse = np.zeros(len(labels), dtype=np.bool_)
        worse[found.samples[0]] = True
        reference = "an ERM network" if settings.reference == "erm" else "the attribute"
        return _hand_on(context, found, f"EIIL, reference: {reference}", worse)

    def _logits(self, context: StageContext) -> torch.Tensor:
        """Logits of the reference on the training split, [1, n] or [1, n, classes]."""
        if self.environments.reference == "erm":
            return reference_logits(context, self.train)
        data = context.data
        if len(data.attributes) != 1 or len(data.label_names) != 2:
            raise InputError(f"data set '{data.name}' needs one attribute and two labels for environments.reference")
        attribute = torch.from_numpy(data.splits["train"].attributes[:, 0]).to(context.device)
        labels = torch.from_numpy(data.splits["train"].labels).to(context.device)
        # The log-odds with which the attribute gives the label away: the best that it can answer.
        share = (attribute == labels).float().mean().clamp(1e-6, 1 - 1e-6)
        return ((2.0 * attribute - 1) * torch.logit(share))[None]


def _hand_on(
    context: StageContext, environments: Environments, source: str, conflicts: Booleans | None = None
) -> StageResult:
    """Save the environments, say what they are made of, and raise the alarms; attributes are only looked at."""
    data = context.data
    train = data.splits["train"]
    table = makeup(environments, train.labels, len(data.label_names))
    names: list[str] = []
    group_table: list[list[int]] = []
    found = {} if conflicts is None else {"found": int(conflicts.sum())}
    if data.attributes:
        names = [" · ".join([label, *rest.values()]) for label, rest in group_titles(data.label_names, data.attributes)]
        group_table = makeup(environments, groups(train, data), len(names)).tolist()
        if conflicts is not None and len(data.attributes) == 1:
            known = quality(conflicts, train.labels, train.attributes[:, 0])
            found = {"found": known.found, "true": known.true, "hits": known.hits}
    context.emit(
        EnvironmentsMade(
            context.stage,
            source,
            list(environments.names),
            list(data.label_names),
            table.tolist(),
            len(train),
            len(environments.used),
            names,
            group_table,
            found,
        )
    )
    if len(environments) > 1:
        _warn(context, alarms(environments, table, data.label_names))
    save_environments(context.directory, environments)
    return StageResult()


def _warn(context: StageContext, found: Sequence[Alarm]) -> None:
    for alarm in found:
        context.emit(Warned(context.stage, alarm.code, alarm.text))
