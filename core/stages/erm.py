"""Stage `erm`: train the network on all training images, and keep early checkpoints."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from core.artifacts import MODEL, NETWORK_FILES, kept_file
from core.config import Compute, Erm, Model, Select
from core.engine.stage import Stage

if TYPE_CHECKING:
    from core.engine.context import StageContext
    from core.training.draw import Draw
    from core.training.images import Images


@dataclass(frozen=True)
class TrainErm(Stage):
    """Train the network with the mean loss, or with an oracle that uses the groups."""

    erm: Erm
    model: Model
    select: Select
    compute: Compute = field(default_factory=Compute)
    name: ClassVar[str] = "erm"
    parallel: ClassVar[bool] = True
    files: ClassVar[Mapping[str, str]] = {
        **NETWORK_FILES,
        r"epoch-(.+)\.safetensors": "network after epoch {1}",
    }
    takes: ClassVar[tuple[str, ...]] = ("model.weights",)
    replaced_by: ClassVar[str] = "model.checkpoint"

    @cached_property
    def content(self) -> Mapping[str, str]:
        from core.models.weights import identity

        return {"start": identity(self.model)}

    def run(self, context: "StageContext") -> None:
        from functools import partial

        from core.tensors import save_tensors
        from core.training.erm import ErmLearner
        from core.training.images import split_images, training_images
        from core.training.loop import run_loop
        from core.training.network import fresh_network
        from core.training.objectives import GroupDroLoss
        from core.training.predict import final_evaluation

        train = training_images(context)
        validation, test = (split_images(context, split) for split in ("validation", "test"))
        network = fresh_network(context, self.model)
        draw = self.draw(context, train)
        objective = None
        if self.erm.objective == "group-dro":
            objective = GroupDroLoss(int(train.groups.max()) + 1, self.erm.dro_step_size, context.device)
        per_epoch = len(draw.rows) / self.erm.batch_size
        steps = max(1, round(self.erm.epochs * per_epoch))
        learner = ErmLearner(context, network, self.erm, self.compute, steps, train, validation, draw, objective)

        def keep(epochs: list[float]) -> None:
            for epoch in epochs:
                save_tensors(kept_file(context.directory, epoch), network.state_dict())

        after = {step: partial(keep, epochs) for step, epochs in self._kept(per_epoch).items()}
        selection = run_loop(
            context,
            learner,
            steps=steps,
            per_epoch=per_epoch,
            select=self.select,
            batch_size=self.erm.batch_size,
            after=after,
        )
        network.load_state_dict(selection.network)
        save_tensors(context.directory / MODEL, network.state_dict())
        final_evaluation(context, network.eval(), selection.step, {"validation": validation, "test": test})

    def draw(self, context: "StageContext", train: "Images") -> "Draw":
        """Samples to train on."""
        from core.training.draw import balanced, every

        del context
        return every(len(train)) if self.erm.objective == "erm" else balanced(train.groups.cpu())

    def _kept(self, per_epoch: float) -> dict[int, list[float]]:
        """Step → epochs whose weights are kept after it; with large batches there may be several."""
        kept: dict[int, list[float]] = {}
        for epoch in self.erm.keep_epochs:
            if epoch <= self.erm.epochs:
                kept.setdefault(max(1, round(epoch * per_epoch)), []).append(epoch)
        return kept
