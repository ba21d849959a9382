"""Stages of AFR: ERM on a part of the training split, and the head reweighted on the rest (arXiv 2306.11074)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from core.artifacts import MODEL, NETWORK_FILES
from core.config import Erm, Model, Section, Select
from core.config.section import Count, Positive, Weight
from core.engine.stage import Stage
from core.stages.erm import TrainErm
from core.stages.errors import early_checkpoint

if TYPE_CHECKING:
    from core.engine.context import StageContext
    from core.training.draw import Draw
    from core.training.images import Images

HELD_OUT = "held-out.safetensors"
"""Beside the network of ERM: `rows` int64 [m], the training images that it was not trained on."""


class Afr(Section, section="afr"):
    """Recipe `afr`: ERM on a part of the training split, and the head reweighted on the rest (arXiv 2306.11074)."""

    held_out: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of the training split on which the head is refitted, and ERM not trained (AFR: 0.2)."""
    gamma: Weight = 4.0
    """γ: a sample has the weight exp(−γ p), p the probability that ERM gives its class (AFR: 4 to 20 on Waterbirds, 1
    to 3 on CelebA, chosen with group labels; ours: 4)."""
    epoch: Weight = 0.0
    """Epoch of the ERM checkpoint that gives p, one of `erm.keep_epochs`; early ones show the shortcut best (ours); 0:
    the final network (AFR)."""
    penalty: Weight = 0.1
    """Penalty of the squared distance to the initial head (AFR: 0 to 0.4, chosen with group labels; ours: 0.1)."""
    steps: Count = 500
    """Steps on all samples at once (AFR: 500 on Waterbirds, 100 on CelebA); select.rule may stop earlier."""
    lr: Positive = 0.02
    """Learning rate of gradient descent (AFR: 0.02 on Waterbirds, 0.01 on CelebA)."""


@dataclass(frozen=True)
class TrainErmOnPart(TrainErm):
    """Train by ERM on a random part of the training split, and keep the rows of the rest.

    Attributes:
        held_out: share of the training split that is not trained on.
    """

    held_out: float = 0.2
    files: ClassVar[Mapping[str, str]] = {**TrainErm.files, r"held-out\.safetensors": "training images not trained on"}

    @property
    def reads(self) -> tuple[str, ...]:
        return (*super().reads, "afr.held_out")

    def draw(self, context: "StageContext", train: "Images") -> "Draw":
        import torch

        from core.tensors import save_tensors
        from core.training.draw import Draw

        generator = torch.Generator().manual_seed(context.streams.seed("held-out"))
        order = torch.randperm(len(train), generator=generator)
        size = min(max(1, round(self.held_out * len(train))), len(train) - 1)
        save_tensors(context.directory / HELD_OUT, {"rows": order[:size].sort().values})
        return Draw(order[size:].sort().values)


@dataclass(frozen=True)
class ReweightHead(Stage):
    """Train the head by weighted cross-entropy on the images held out from ERM, and stay near the initial head.

    A given network has no images held out: then all training images are used.

    Attributes:
        erm: settings of the training; None for a given network, which has only one checkpoint.
    """

    afr: Afr
    erm: Erm | None
    model: Model
    select: Select
    name: ClassVar[str] = "head"
    files: ClassVar[Mapping[str, str]] = NETWORK_FILES

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("erm", "find")

    @property
    def reads(self) -> tuple[str, ...]:
        return ("afr", "model.name", "select")

    def run(self, context: "StageContext") -> None:
        import torch

        from core.models.representation import find_head
        from core.tensors import load_tensors, save_tensors
        from core.training.afr import HeadLearner, afr_weights
        from core.training.head import final_features, predict_by_head, represent
        from core.training.images import split_images, validation_images
        from core.training.loop import run_loop
        from core.training.network import load_network
        from core.training.predict import final_evaluation

        erm, settings = context.input("erm"), self.afr
        network = load_network(self.model, context.data, erm / MODEL, context.device)
        train, validation = split_images(context, "train"), validation_images(context)
        file = erm / HELD_OUT
        rows = load_tensors(file)["rows"] if file.exists() else torch.arange(len(train))
        if (cached := final_features(context, exact=True)) is None:
            parts = ((train, rows), (validation, torch.arange(len(validation))))
            features, held_out = (torch.from_numpy(represent(network, *part)) for part in parts)
        else:
            features, held_out = cached["features"][rows], cached["validation"]
        features, held_out = features.to(context.device), held_out.to(context.device)
        labels = train.labels[rows.to(context.device)]
        judge, seen = network, features
        if settings.epoch:
            early = erm / early_checkpoint(self.erm, settings.epoch)
            judge = load_network(self.model, context.data, early, context.device)
            seen = torch.from_numpy(represent(judge, train, rows)).to(context.device)
        with torch.no_grad():
            weights = afr_weights(find_head(judge)[1](seen), labels, settings.gamma)
        learner = HeadLearner(
            network, features, labels, weights, settings.penalty, settings.lr, held_out, validation, context.data
        )
        selection = run_loop(context, learner, steps=settings.steps, per_epoch=1, select=self.select)
        network.load_state_dict(selection.network)
        save_tensors(context.directory / MODEL, network.state_dict())
        test = split_images(context, "test")
        known = {"validation": predict_by_head(network, held_out.cpu().numpy(), validation)}
        final_evaluation(context, network, selection.step, {"validation": validation, "test": test}, known)
