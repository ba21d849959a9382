"""One point of accuracy against the share of weights kept: prune in some way, then fine-tune."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from core.artifacts import BALANCED, MODEL
from core.config import Compute, Finetune, Model, Prune, Select
from core.events import SparsityPoint
from core.finding.pseudo_groups import PseudoGroups
from core.pruning.criteria import keep_largest, magnitudes, random_scores
from core.pruning.learner import MaskLearner, unpack
from core.pruning.masks import MaskedNetwork
from core.pruning.subnetwork import FixedMasks
from core.tensors import load_tensors
from core.training.finetune import FinetuneLearner
from core.training.images import split_images, training_images, validation_images
from core.training.loop import run_loop
from core.training.network import load_network
from core.training.predict import count_groups, predict

if TYPE_CHECKING:
    from core.engine.context import StageContext

MakePart = Callable[[str, int, Callable[[], Mapping[str, Any]]], "StageContext"]
"""Makes the context of one training from its name, the steps of its point before it, and the state of the stage."""


class SparsityCurve:
    """Prunes the network of ERM to a share of its weights, and fine-tunes what is left on the balanced set.

    Args:
        context: of the stage.
        part: makes the contexts of the trainings.
        prune: of learned masks; `keep` is the share of each point. `exclude` applies to every way.
        finetune: of all points.
        model: the network.
        select: rule and evaluations of fine-tuning.
        compute: precision and batch parts.

    Attributes:
        dense: state of the network fine-tuned with nothing pruned; empty before.
        validation: the validation split.
        test: the test split.
    """

    def __init__(
        self,
        context: "StageContext",
        part: MakePart,
        prune: Prune,
        finetune: Finetune,
        model: Model,
        select: Select,
        compute: Compute,
    ) -> None:
        saved = context.resume_state() or {"dense": {}, "masks": {}}
        self.dense: Mapping[str, Tensor] = saved["dense"]
        self._masks: Mapping[str, Tensor] = saved["masks"]  # those of the current point, while it is fine-tuned
        self._context = context
        self._part = part
        self._prune = prune
        self._finetune = finetune
        self._model = model
        self._select = select
        self._compute = compute
        self._train = training_images(context)
        self.validation, self.test = validation_images(context), split_images(context, "test")
        self._entries = load_tensors(context.input("balance") / BALANCED)

    def point(self, way: str, share: float) -> SparsityPoint:
        """Train one point.

        Args:
            way: `dense`, `masks`, `magnitude`, `magnitude-tuned` (needs `dense`) or `random`.
            share: of the maskable weights to keep.
        """
        name = f"{way}-{share:g}"
        masks = None if way == "dense" else self._chosen(way, share, name)
        network = self.network(self.dense if way == "magnitude-tuned" else None)
        if masks is not None:
            masks = masks.to(self._context.device)
            masks.apply_(network)
            self._masks = masks.masks
        self._tune(network, masks, name, self._prune.steps if way == "masks" else 0)
        self._masks = {}
        if way == "dense":
            self.dense = network.state_dict()
        evaluations = (
            count_groups(predict(network, images).classes, images, self._context.data, split)
            for split, images in (("validation", self.validation), ("test", self.test))
        )
        return SparsityPoint(self._context.stage, way, share, masks.keep_ratio() if masks else 1.0, *evaluations)

    def network(self, state: Mapping[str, Tensor] | None = None) -> nn.Module:
        """The network in evaluation mode, by default with the weights of ERM."""
        network = load_network(self._model, self._context.data, self._erm, self._context.device)
        if state is not None:
            network.load_state_dict(state)
        return network

    @property
    def _erm(self) -> Path:
        return self._context.input("erm") / MODEL

    def _chosen(self, way: str, share: float, name: str) -> FixedMasks:
        if self._masks:  # the run was stopped while this point was fine-tuned
            return FixedMasks(self._masks)
        if way == "masks":
            return self._learned(share, name)
        network, exclude = self.network(self.dense if way == "magnitude-tuned" else None), self._prune.exclude
        if way == "random":
            return keep_largest(random_scores(network, self._context.streams.seed("random"), exclude), share)
        return keep_largest(magnitudes(network, exclude), share)

    def _learned(self, share: float, name: str) -> FixedMasks:
        settings = self._prune.model_copy(update={"keep": share})
        masked = MaskedNetwork(
            self.network(),
            init=settings.init,
            gradient=settings.gradient,
            temperature=settings.temperature,
            exclude=settings.exclude,
        )
        context = self._part(f"{name}/prune", 0, self._state)
        groups = torch.from_numpy(PseudoGroups.load(self._context.input("find")).train)
        learner = MaskLearner(context, masked, settings, self._compute, self._entries, groups, self.validation)
        last = Select(rule="last", looks=1)
        chosen = run_loop(
            context, learner, steps=settings.steps, per_epoch=learner.steps_per_epoch, select=last
        ).network
        return FixedMasks({name: mask.bool() for name, mask in unpack(chosen)["mask"].items()})

    def _tune(self, network: nn.Module, masks: FixedMasks | None, name: str, before: int) -> None:
        context, settings = self._part(f"{name}/finetune", before, self._state), self._finetune
        learner = FinetuneLearner(
            context, network, masks, settings, self._compute, self._train, self._entries, self.validation
        )
        per_epoch = len(self._entries["indices"]) / learner.batch_size
        selection = run_loop(context, learner, steps=settings.steps, per_epoch=per_epoch, select=self._select)
        network.load_state_dict(selection.network)
        network.eval()

    def _state(self) -> dict[str, Any]:
        return {"dense": dict(self.dense), "masks": dict(self._masks)}
