"""Stage `retrain`: train a new network on all training images, once the conflict samples are known."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from core.artifacts import MODEL, NETWORK_FILES
from core.config import Compute, Erm, Model, Select
from core.engine.stage import Stage

if TYPE_CHECKING:
    import torch
    from torch import nn

    from core.engine.context import StageContext
    from core.finding.pseudo_groups import PseudoGroups
    from core.training.draw import Draw
    from core.training.images import Images
    from core.training.loop import Learner


@dataclass(frozen=True)
class Retrain(Stage):
    """Train from scratch with the settings of ERM, but other batches or another loss, which a subclass defines."""

    erm: Erm
    model: Model
    select: Select
    compute: Compute
    name: ClassVar[str] = "retrain"
    version: ClassVar[int] = 2
    parallel: ClassVar[bool] = True
    files: ClassVar[Mapping[str, str]] = NETWORK_FILES
    takes: ClassVar[tuple[str, ...]] = ("model.weights",)

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("erm", "find")

    @cached_property
    def content(self) -> Mapping[str, str]:
        from core.models.weights import identity

        return {"start": identity(self.model)}

    @abstractmethod
    def draw(self, groups: "PseudoGroups", labels: "torch.Tensor") -> "Draw":
        """Samples to train on.

        Args:
            groups: pseudo-groups of the training samples, without those that are in none.
            labels: classes of these samples, int64 [n].

        Raises:
            StageError: the method cannot work with these pseudo-groups.
        """

    def learner(
        self,
        context: "StageContext",
        network: "nn.Module",
        steps: int,
        images: "tuple[Images, Images]",
        draw: "Draw",
        groups: "PseudoGroups",
    ) -> "Learner":
        """Make the learner that takes the steps; by default with the mean cross-entropy over the batch.

        Args:
            context: of the stage.
            network: on its device.
            steps: total number of steps.
            images: the training and the validation split.
            draw: samples to train on.
            groups: pseudo-groups of the training samples.
        """
        from core.training.erm import ErmLearner

        del groups
        return ErmLearner(context, network, self.erm, self.compute, steps, *images, draw)

    def run(self, context: "StageContext") -> None:
        import torch

        from core.finding.pseudo_groups import PseudoGroups
        from core.tensors import save_tensors
        from core.training.images import split_images, training_images, validation_images
        from core.training.loop import run_loop
        from core.training.network import fresh_network
        from core.training.predict import final_evaluation

        train, validation = training_images(context), validation_images(context)
        test = split_images(context, "test")
        network = fresh_network(context, self.model)
        groups = PseudoGroups.load(context.input("find"))
        used = torch.from_numpy(groups.used)
        draw = self.draw(groups.among(groups.used), torch.from_numpy(context.data.splits["train"].labels)[used])
        draw = replace(draw, rows=used[draw.rows])
        per_epoch = len(draw.rows) / self.erm.batch_size
        steps = max(1, round(self.erm.epochs * per_epoch))
        learner = self.learner(context, network, steps, (train, validation), draw, groups)
        selection = run_loop(
            context, learner, steps=steps, per_epoch=per_epoch, select=self.select, batch_size=self.erm.batch_size
        )
        network.load_state_dict(selection.network)
        save_tensors(context.directory / MODEL, network.state_dict())
        final_evaluation(context, network.eval(), selection.step, {"validation": validation, "test": test})
