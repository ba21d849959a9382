"""Finder `twins`: two networks with one half of the data each, and their mistakes on the other half (XRM)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal

from core.artifacts import FINDER_FILES
from core.config import Compute, Model, Section
from core.config.section import Count, Fraction, Positive, Weight
from core.engine.stage import Stage
from core.events import Logged

if TYPE_CHECKING:
    from core.engine.context import StageContext


class Twins(Section, section="twins"):
    """Finder `twins`: networks that imitate each other's mistakes on the half they have not seen (arXiv 2309.16748)."""

    steps: Count = 1_000
    """Steps (XRM: 1,000 for digits, 5,000 for Waterbirds, 10,000 for CelebA); more do no harm."""
    mistakes: Literal["held-out", "either"] = "held-out"
    """Mistakes that make a training sample a conflict sample: those of the twin that has not seen it, or of either twin
    (XRM)."""
    batch_size: Count = 64
    """Images per step (XRM: 32–128, chosen by the number of flipped labels)."""
    optimizer: Literal["sgd", "adam", "adamw"] = "sgd"
    """Optimiser."""
    lr: Positive = 0.005
    """Learning rate (XRM: 1e-5–1e-3, chosen by the number of flipped labels); 0.05 also learns the conflict
    samples (ours)."""
    momentum: Fraction = 0.9
    """Momentum of SGD (XRM: 0.9)."""
    weight_decay: Weight = 0.0
    """L2 penalty on the weights (XRM: 1e-6–1e-3, chosen by the number of flipped labels)."""
    schedule: Literal["constant", "cosine"] = "constant"
    """Learning rate schedule: constant (XRM), or half a cosine down to 0."""


@dataclass(frozen=True)
class FindByTwins(Stage):
    """Train the twins, and take their predictions for the half that they have not seen as the attribute."""

    twins: Twins
    model: Model
    compute: Compute = field(default_factory=Compute)
    name: ClassVar[str] = "twins"
    parallel: ClassVar[bool] = True
    files: ClassVar[Mapping[str, str]] = FINDER_FILES
    takes: ClassVar[tuple[str, ...]] = ("model.weights",)

    @cached_property
    def content(self) -> Mapping[str, str]:
        from core.models.weights import identity

        return {"start": identity(self.model)}

    @property
    def reads(self) -> tuple[str, ...]:
        return ("twins", "model.name", "model.weights", "compute")

    def run(self, context: "StageContext") -> None:
        import torch

        from core.finding.pseudo_groups import PseudoGroups
        from core.finding.twins import TwinLearner, cross_mistakes, random_halves
        from core.models.pair import Pair
        from core.models.weights import start_from
        from core.training.images import split_images, training_images
        from core.training.loop import run_loop
        from core.training.network import new_network
        from core.training.predict import predict

        settings, data = self.twins, context.data
        train, validation = training_images(context), split_images(context, "validation")
        networks = [new_network(self.model, data) for _ in range(2)]
        if not context.resumes:
            for network in networks:
                start_from(network, self.model, lambda line: context.emit(Logged(line)))
        twins = Pair(*networks).to(context.device)
        half = random_halves(len(train), context.streams.seed("halves"))
        steps, per_step = settings.steps, settings.batch_size
        learner = TwinLearner(context, twins, settings, per_step, self.compute, steps, train, half, validation)
        run_loop(context, learner, steps=steps, per_epoch=len(train) / per_step)
        twins.eval()
        first, second = (predict(twin, train) for twin in (twins.first, twins.second))
        if settings.mistakes == "either":
            attribute = cross_mistakes(first, second, train.labels)
        else:
            attribute = torch.where(half.to(context.device) == 0, second.classes, first.classes)
        held_out = cross_mistakes(
            predict(twins.first, validation), predict(twins.second, validation), validation.labels
        )
        PseudoGroups(
            "twin networks",
            tuple(f"predicted {name}" for name in data.label_names),
            attribute.cpu().numpy(),
            (attribute != train.labels).cpu().numpy(),
            held_out.cpu().numpy(),
        ).save(context.directory)
