"""Refit only the linear head on the balanced set: after the masks, after fine-tuning, or on ERM as it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from core.artifacts import BALANCED, MASKED_FILES, MASKS, MODEL
from core.config import Balance, Model, Section
from core.config.section import Count, Positive, Weight
from core.engine.stage import Stage
from core.events import Logged, MasksKept, StageStarted

if TYPE_CHECKING:
    from torch import nn

    from core.clustering.kmeans import Floats, Integers
    from core.engine.context import StageContext
    from core.training.images import Images

FALLBACK = 1e-3
"""Penalty where `auto` has no cells to choose by."""


class Head(Section, section="head"):
    """Stage `head`: refit the linear head on the balanced set."""

    penalty: Weight | Literal["auto"] = "auto"
    """L2 penalty per sample of the logistic regression; `auto` tries `penalties` on the first balanced set and takes
    the one with the best worst cell of validation, which needs no group labels."""
    penalties: Annotated[tuple[Positive, ...], Field(min_length=1)] = (1e-4, 1e-3, 1e-2, 1e-1)
    """Penalties that `auto` tries."""
    draws: Count = 10
    """Number of balanced sets; a head is fitted on each, and the heads are averaged (DFR: 10)."""


@dataclass(frozen=True)
class RefitHead(Stage):
    """Replace the head by the mean of logistic regressions on the representation of balanced sets.

    The representation is standardised for each fit, and the scaling folded into the head (as in deep feature
    reweighting, arXiv 2204.02937, which uses data with group labels instead of the balanced sets). The first set is
    that of stage `balance`; the others are drawn by the same rule. Masks of the layers before the head stay; the head
    is dense.

    Attributes:
        source: stage whose network gets the new head: `erm`, `prune` or `finetune`.
    """

    head: Head
    balance: Balance
    model: Model
    source: str = "erm"
    name: ClassVar[str] = "head"
    version: ClassVar[int] = 2
    files: ClassVar[Mapping[str, str]] = MASKED_FILES

    @property
    def inputs(self) -> tuple[str, ...]:
        before = ("erm", "find") if self.source == "erm" else ("erm", "find", self.source)
        return (*before, "balance")

    @property
    def reads(self) -> tuple[str, ...]:
        return ("head", "balance.rule", "balance.cap", "model.name")

    def run(self, context: "StageContext") -> None:
        from core.pruning.subnetwork import FixedMasks
        from core.tensors import save_tensors
        from core.training.head import predict_by_head, replace_head
        from core.training.images import Images, validation_images
        from core.training.network import load_network
        from core.training.predict import final_evaluation

        source = context.input(self.source)
        network = load_network(self.model, context.data, source / MODEL, context.device)
        validation, test = validation_images(context), Images(context.data, "test", context.device)
        weight, bias, held_out = self._mean_head(context, network, validation)
        name = replace_head(network, weight, bias)
        save_tensors(context.directory / MODEL, network.state_dict())
        if (source / MASKS).exists():
            masks = FixedMasks.load(source / MASKS).dense(name)
            masks.save(context.directory / MASKS)
            context.emit(MasksKept(context.stage, masks.keep_ratio()))
        known = {} if held_out is None else {"validation": predict_by_head(network, held_out, validation)}
        final_evaluation(context, network.eval(), 1, {"validation": validation, "test": test}, known)

    def _mean_head(
        self, context: "StageContext", network: "nn.Module", validation: "Images"
    ) -> "tuple[Floats, Floats, Floats | None]":
        """Choose the penalty and fit the heads.

        Returns their mean weight [classes, d] and bias [classes], and the representation of the validation split if it
        was computed.
        """
        import numpy as np
        import torch

        from core.training.head import final_features, fit_head, represent
        from core.training.images import Images

        settings, labels = self.head, context.data.splits["train"].labels
        sets = self._sets(context)
        rows = np.unique(np.concatenate([entries for entries, _ in sets]))
        cached = final_features(context, exact=True) if self.source == "erm" else None
        if cached is None:
            features = represent(network, Images(context.data, "train", context.device), torch.from_numpy(rows))
        else:
            features = cached["features"].numpy()[rows]

        def fit(number: int, penalty: float) -> "tuple[Floats, Floats]":
            entries, weights = sets[number]
            return fit_head(features[np.searchsorted(rows, entries)], labels[entries], weights, penalty)

        tries = settings.penalties if settings.penalty == "auto" and validation.pseudo_groups is not None else ()
        context.emit(StageStarted(context.stage, len(tries) + len(sets)))
        penalty = FALLBACK if settings.penalty == "auto" else settings.penalty
        held_out = None
        if tries:
            if cached is None:
                held_out = represent(network, validation, torch.arange(len(validation)))
            else:
                held_out = cached["validation"].numpy()
            cells = []
            for number, value in enumerate(tries, 1):
                cells.append(self._worst_cell(context, held_out, fit(0, value)))
                context.progress(number, len(tries) + len(sets))
            penalty = tries[int(np.argmax(cells))]
            context.emit(
                Logged(f"{context.stage}: penalty {penalty:g}, with which the worst cell has {max(cells):.1%}")
            )
        heads = []
        for number in range(len(sets)):
            heads.append(fit(number, penalty))
            context.progress(len(tries) + number + 1, len(tries) + len(sets))
        weight, bias = (np.mean(of, axis=0) for of in zip(*heads, strict=True))
        return weight, bias, held_out

    def _sets(self, context: "StageContext") -> "list[tuple[Integers, Floats]]":
        """Indices and weights of the balanced sets; all samples (rule `weights`) need no second draw."""
        from core.finding.balanced import draw_balanced
        from core.finding.pseudo_groups import PseudoGroups
        from core.tensors import load_tensors

        given = load_tensors(context.input("balance") / BALANCED)
        sets = [(given["indices"].numpy(), given["weights"].numpy())]
        if self.balance.rule == "weights":
            return sets
        groups, labels = PseudoGroups.load(context.input("find")), context.data.splits["train"].labels
        for number in range(1, self.head.draws):
            seed = context.streams.seed(f"draw-{number}")
            drawn = draw_balanced(groups, labels, len(context.data.label_names), self.balance, seed)
            sets.append((drawn.indices, drawn.weights))
        return sets

    @staticmethod
    def _worst_cell(context: "StageContext", features: "Floats", head: "tuple[Floats, Floats]") -> float:
        """Worst-cell accuracy of a head on validation; −1 if no cell is large enough."""
        import numpy as np

        from core.finding.pseudo_groups import PseudoGroups
        from core.finding.quality import worst_cell

        groups = PseudoGroups.load(context.input("find"))
        predicted = (features @ head[0].T + head[1]).argmax(1)
        labels, n_classes = context.data.splits["validation"].labels, len(context.data.label_names)
        assert groups.validation is not None
        value = worst_cell(predicted, labels, groups.validation, len(groups.names), n_classes)
        return -1.0 if np.isnan(value) else value
