"""Stage `lff`: train a biased and a debiased network together (Learning from Failure)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from core.artifacts import MODEL, NETWORK_FILES
from core.config import Compute, Model, Section, Select
from core.config.section import Count, Fraction, Positive, Weight
from core.engine.stage import Stage
from core.events import Logged

if TYPE_CHECKING:
    from core.engine.context import StageContext


class Lff(Section, section="lff"):
    """Stage `lff`: Learning from Failure (arXiv 2007.02561)."""

    epochs: Positive = 10.0
    """Passes over the training split (ours; LfF: 100 for digits, 200 for photographs)."""
    q: Annotated[float, Field(gt=0, le=1)] = 0.7
    """Exponent of the generalised cross-entropy of the biased network (LfF: 0.7)."""
    decay: Fraction = 0.7
    """Decay of the moving averages of the losses (LfF's code: 0.7)."""
    batch_size: Count = 256
    """Images per step (LfF: 256)."""
    optimizer: Literal["sgd", "adam", "adamw"] = "adam"
    """Optimiser (LfF: Adam)."""
    lr: Positive = 1e-3
    """Learning rate (LfF: 1e-3, for CelebA 1e-4)."""
    momentum: Fraction = 0.9
    """Momentum of SGD."""
    weight_decay: Weight = 0.0
    """L2 penalty on the weights (LfF: 0, for CelebA 1e-4)."""
    schedule: Literal["constant", "cosine"] = "constant"
    """Learning rate schedule: constant (LfF), or half a cosine down to 0."""


@dataclass(frozen=True)
class LearnFromFailure(Stage):
    """Train both networks from their start; the pseudo-groups of `find` serve to evaluate, and ERM to compare."""

    lff: Lff
    model: Model
    select: Select
    compute: Compute = field(default_factory=Compute)
    name: ClassVar[str] = "lff"
    parallel: ClassVar[bool] = True
    files: ClassVar[Mapping[str, str]] = NETWORK_FILES
    takes: ClassVar[tuple[str, ...]] = ("model.weights",)

    @cached_property
    def content(self) -> Mapping[str, str]:
        from core.models.weights import identity

        return {"start": identity(self.model)}

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("erm", "find")

    @property
    def reads(self) -> tuple[str, ...]:
        return ("lff", "model.name", "model.weights", "select", "compute")

    def run(self, context: "StageContext") -> None:
        from core.models.pair import Pair
        from core.models.weights import start_from
        from core.tensors import save_tensors
        from core.training.images import split_images, training_images, validation_images
        from core.training.lff import LffLearner
        from core.training.loop import run_loop
        from core.training.network import new_network
        from core.training.predict import final_evaluation

        settings, data = self.lff, context.data
        train, validation = training_images(context), validation_images(context)
        test = split_images(context, "test")
        biased, debiased = networks = [new_network(self.model, data) for _ in range(2)]
        if not context.resumes:
            for network in networks:
                start_from(network, self.model, lambda line: context.emit(Logged(line)))
        pair = Pair(biased, debiased).to(context.device)
        per_epoch = len(train) / settings.batch_size
        steps = max(1, round(settings.epochs * per_epoch))
        learner = LffLearner(context, pair, settings, self.compute, steps, len(data.label_names), train, validation)
        selection = run_loop(
            context, learner, steps=steps, per_epoch=per_epoch, select=self.select, batch_size=settings.batch_size
        )
        debiased.load_state_dict(selection.network)
        save_tensors(context.directory / MODEL, debiased.state_dict())
        final_evaluation(context, debiased.eval(), selection.step, {"validation": validation, "test": test})
