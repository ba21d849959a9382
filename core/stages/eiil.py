"""Finder `eiil`: the environments in which an early checkpoint of ERM is least invariant (arXiv 2010.07249)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from core.artifacts import FINDER_FILES
from core.config import Erm, Model, Section
from core.config.section import Count, Positive, Weight
from core.engine.stage import Stage
from core.stages.errors import early_checkpoint

if TYPE_CHECKING:
    from core.engine.context import StageContext


class Eiil(Section, section="eiil"):
    """Finder `eiil`: environments of the largest invariance penalty (EIIL, arXiv 2010.07249)."""

    epoch: Positive = 0.25
    """Epoch of the checkpoint, one of `erm.keep_epochs` (ours; EIIL takes a trained reference)."""
    steps: Count = 10_000
    """Steps of Adam on the assignment (EIIL: 10,000)."""
    lr: Positive = 1e-3
    """Learning rate of Adam (EIIL: 0.001)."""
    penalty: Weight = 1e-3
    """L2 penalty per sample of the logistic regression that assigns validation samples (ours)."""


@dataclass(frozen=True)
class FindByEiil(Stage):
    """Split the training samples into two environments, and turn the worse fitted one into an attribute.

    Attributes:
        erm: settings of the training; None for a given network, which has only one checkpoint.
    """

    eiil: Eiil
    erm: Erm | None
    model: Model
    name: ClassVar[str] = "eiil"
    files: ClassVar[Mapping[str, str]] = FINDER_FILES

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("erm",)

    @property
    def reads(self) -> tuple[str, ...]:
        return ("eiil", "model.name")

    def run(self, context: "StageContext") -> None:
        import torch

        from core.finding.eiil import environment_attribute, extend
        from core.finding.pseudo_groups import PseudoGroups
        from core.invariance.eiil import SoftAssignment, optimise, split
        from core.invariance.penalty import sample_losses, scale_gradients
        from core.models.representation import find_head
        from core.training.head import represent
        from core.training.images import split_images
        from core.training.network import load_network

        settings, data = self.eiil, context.data
        file = early_checkpoint(self.erm, settings.epoch)
        network = load_network(self.model, data, context.input("erm") / file, context.device)
        splits = [split_images(context, name) for name in ("train", "validation")]
        features, held_out = (represent(network, images, torch.arange(len(images))) for images in splits)
        with torch.no_grad():
            logits = find_head(network)[1](torch.from_numpy(features).to(context.device))
        labels = splits[0].labels
        gradients = scale_gradients(logits[None], labels)[0]
        # With Adam's usual ε, well fitted samples would stay at their random start, half of them among the conflicts.
        assignment = SoftAssignment(gradients, context.generator("eiil", context.device), settings.lr, eps=1e-16)
        optimise(context, assignment, settings.steps)
        environments = split(assignment.q > 0.5, sample_losses(logits[None], labels)[0])
        worse = torch.zeros(len(labels), dtype=torch.bool)
        worse[torch.from_numpy(environments.samples[0])] = True
        worse &= (gradients != 0).cpu()  # perfectly fitted samples have no gradient
        attribute = environment_attribute(logits.cpu(), labels.cpu(), worse).numpy()
        PseudoGroups(
            f"EIIL on ERM ({Path(file).stem})",
            tuple(f"environment of {name}" for name in data.label_names),
            attribute,
            worse.numpy(),
            extend(attribute, features, held_out, settings.penalty, context.streams.seed("validation")),
        ).save(context.directory)
