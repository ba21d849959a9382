"""Refit only the linear head on balanced sets: after the masks, after fine-tuning, or on ERM as it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from core.artifacts import BALANCED, MASKED_FILES, MASKS, MODEL
from core.config import Balance, Model, Section
from core.config.section import Count, Positive, Weight
from core.engine.stage import Stage, Supervision
from core.errors import StageError
from core.events import Logged, MasksKept, StageStarted

if TYPE_CHECKING:
    from torch import nn

    from core.clustering.kmeans import Floats, Integers
    from core.engine.context import StageContext
    from core.finding.pseudo_groups import PseudoGroups
    from core.training.images import Images
    from core.training.predict import Predictions
    from core.training.refit import BalancedDraw

FALLBACK = 1e-3
"""Penalty where `auto` has no cells to choose by."""


class Head(Section, section="head"):
    """Stage `head`: refit the linear head on balanced sets."""

    split: Literal["train", "validation"] = "train"
    """Whose images the head is fitted on. No network was trained on those of `validation` (as in DFR); its accuracies
    are then cross-fitted: those of each half come from heads fitted on the other half."""
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
    reweighting, arXiv 2204.02937, which uses group labels instead of pseudo-groups). Of the training split, the first
    set is that of stage `balance`; all others are drawn by the same rule. Masks of the layers before the head stay;
    the head is dense.

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
        return before if self.head.split == "validation" else (*before, "balance")

    @property
    def supervision(self) -> Supervision:
        return "labels" if self.head.split == "validation" else "none"

    @property
    def reads(self) -> tuple[str, ...]:
        return ("head", "balance.rule", "balance.cap", "model.name")

    def run(self, context: "StageContext") -> None:
        from core.models.representation import find_head
        from core.pruning.subnetwork import FixedMasks
        from core.tensors import save_tensors
        from core.training.images import split_images, validation_images
        from core.training.network import load_network
        from core.training.predict import final_evaluation

        source = context.input(self.source)
        network = load_network(self.model, context.data, source / MODEL, context.device)
        validation, test = validation_images(context), split_images(context, "test")
        refit = self._on_validation if self.head.split == "validation" else self._on_training
        known = refit(context, network, validation)
        save_tensors(context.directory / MODEL, network.state_dict())
        if (source / MASKS).exists():
            masks = FixedMasks.load(source / MASKS).dense(find_head(network)[0])
            masks.save(context.directory / MASKS)
            context.emit(MasksKept(context.stage, masks.keep_ratio()))
        of_validation = {} if known is None else {"validation": known}
        final_evaluation(context, network.eval(), 1, {"validation": validation, "test": test}, of_validation)

    def _on_training(self, context: "StageContext", network: "nn.Module", validation: "Images") -> "Predictions | None":
        """Give the network a head fitted on training images; returns its predictions for validation, if computed."""
        import numpy as np
        import torch

        from core.training.head import final_features, predict_by_head, replace_head, represent
        from core.training.images import split_images
        from core.training.refit import Represented, logits_of

        draws = self._training_draws(context)
        rows = np.unique(np.concatenate([numbers for numbers, _ in draws]))
        cached = final_features(context, exact=True) if self.source == "erm" else None
        if cached is None:
            features = represent(network, split_images(context, "train"), torch.from_numpy(rows))
        else:
            features = cached["features"].numpy()[rows]
        samples = Represented(rows, features, context.data.splits["train"].labels[rows])
        tries = self._tries(validation)
        step = _steps(context, len(tries) + len(draws))
        held_out = None
        if tries:
            if cached is None:
                held_out = represent(network, validation, torch.arange(len(validation)))
            else:
                held_out = cached["validation"].numpy()

        def trial(penalty: float) -> "Integers":
            assert held_out is not None
            found: Integers = logits_of(held_out, samples.fit(draws[0], penalty)).argmax(1)
            step()
            return found

        replace_head(network, *samples.mean_head(draws, self._penalty(context, tries, trial), step))
        return None if held_out is None else predict_by_head(network, held_out, validation)

    def _on_validation(self, context: "StageContext", network: "nn.Module", validation: "Images") -> "Predictions":
        """Give the network a head fitted on validation images; returns the cross-fitted predictions for them."""
        import numpy as np
        import torch

        from core.finding.pseudo_groups import PseudoGroups
        from core.training.dfr import halves
        from core.training.head import final_features, replace_head, represent
        from core.training.predict import predictions_of
        from core.training.refit import Represented, cross_fitted

        groups, labels = PseudoGroups.load(context.input("find")), context.data.splits["validation"].labels
        if groups.validation is None:
            raise StageError(
                f"the finder ({groups.source}) has no pseudo-groups for the validation images",
                "take another finder (find.by), or set head.split=train",
            )
        cached = final_features(context, exact=True) if self.source == "erm" else None
        rows = np.arange(len(labels))
        if cached is None:
            features = represent(network, validation, torch.from_numpy(rows))
        else:
            features = cached["validation"].numpy()
        samples, cells = Represented(rows, features, labels), groups.validation * len(context.data.label_names) + labels
        random = np.random.default_rng(context.streams.seed("halves"))
        parts = halves(cells, random)
        of_half = [self._validation_draws(context, groups, labels, part, f"half-{i}") for i, part in enumerate(parts)]
        draws = self._validation_draws(context, groups, labels, rows, "validation")
        tries = self._tries(validation)
        step = _steps(context, 2 * len(tries) + 2 * len(of_half[0]) + len(draws))

        def trial(penalty: float, sets: int = 1) -> "Floats":
            return cross_fitted(samples, parts, [samples.mean_head(of[:sets], penalty, step) for of in of_half])

        penalty = self._penalty(context, tries, lambda value: trial(value).argmax(1))
        known = predictions_of(torch.from_numpy(trial(penalty, len(draws))).to(context.device))
        replace_head(network, *samples.mean_head(draws, penalty, step))
        return known

    def _training_draws(self, context: "StageContext") -> "list[BalancedDraw]":
        """Balanced sets of training images; all samples (rule `weights`) need no second draw."""
        from core.finding.balanced import draw_balanced
        from core.finding.pseudo_groups import PseudoGroups
        from core.tensors import load_tensors

        given = load_tensors(context.input("balance") / BALANCED)
        draws = [(given["indices"].numpy(), given["weights"].numpy())]
        if self.balance.rule == "weights":
            return draws
        groups, labels = PseudoGroups.load(context.input("find")), context.data.splits["train"].labels
        for number in range(1, self.head.draws):
            seed = context.streams.seed(f"draw-{number}")
            drawn = draw_balanced(groups, labels, len(context.data.label_names), self.balance, seed)
            draws.append((drawn.indices, drawn.weights))
        return draws

    def _validation_draws(
        self, context: "StageContext", groups: "PseudoGroups", labels: "Integers", rows: "Integers", stream: str
    ) -> "list[BalancedDraw]":
        """Balanced sets of some of the validation images, whose numbers are `rows`."""
        import numpy as np

        from core.finding.balanced import draw_balanced

        assert groups.validation is not None
        some = np.full_like(groups.validation, -1)
        some[rows] = groups.validation[rows]
        names, draws = context.data.label_names, []
        for number in range(1 if self.balance.rule == "weights" else self.head.draws):
            seed = context.streams.seed(f"{stream}-{number}")
            drawn = draw_balanced(replace(groups, train=some), labels, len(names), self.balance, seed)
            draws.append((drawn.indices, drawn.weights))
        if not len(draws[0][0]):
            raise StageError(
                f"the balanced set is empty: no pseudo-group has validation images of all {len(names)} classes",
                "take another finder (find.by), or set head.split=train",
            )
        return draws

    def _tries(self, validation: "Images") -> tuple[float, ...]:
        """Penalties to choose from; none if one is given, or nothing can tell which is best."""
        return self.head.penalties if self.head.penalty == "auto" and validation.pseudo_groups is not None else ()

    def _penalty(
        self, context: "StageContext", tries: tuple[float, ...], trial: "Callable[[float], Integers]"
    ) -> float:
        """The penalty with the best worst cell of validation, whose images `trial` predicts, [m]."""
        import numpy as np

        if not tries:
            return FALLBACK if self.head.penalty == "auto" else self.head.penalty
        cells = [self._worst_cell(context, trial(value)) for value in tries]
        chosen = tries[int(np.argmax(cells))]
        context.emit(Logged(f"{context.stage}: penalty {chosen:g}, with which the worst cell has {max(cells):.1%}"))
        return chosen

    @staticmethod
    def _worst_cell(context: "StageContext", predicted: "Integers") -> float:
        """Worst-cell accuracy of predictions for validation, [m]; −1 if no cell is large enough."""
        import numpy as np

        from core.finding.pseudo_groups import PseudoGroups
        from core.finding.quality import worst_cell

        groups = PseudoGroups.load(context.input("find"))
        labels, n_classes = context.data.splits["validation"].labels, len(context.data.label_names)
        assert groups.validation is not None
        value = worst_cell(predicted, labels, groups.validation, len(groups.names), n_classes)
        return -1.0 if np.isnan(value) else value


def _steps(context: "StageContext", total: int) -> Callable[[], None]:
    """Announce the number of fits; the result reports one more as done at every call."""
    context.emit(StageStarted(context.stage, total))
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        context.progress(done, total)

    return step
