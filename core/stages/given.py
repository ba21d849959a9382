"""Stage `erm` for a given trained network, which is evaluated like a newly trained one."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from core.artifacts import MODEL, NETWORK_FILES
from core.config import Model
from core.engine.stage import Stage
from core.errors import StageError
from core.events import Logged, StageStarted

if TYPE_CHECKING:
    from core.engine.context import StageContext


@dataclass(frozen=True)
class TakeCheckpoint(Stage):
    """Load a trained network from a file instead of training one; it has no early checkpoints."""

    model: Model
    name: ClassVar[str] = "erm"
    files: ClassVar[Mapping[str, str]] = NETWORK_FILES
    takes: ClassVar[tuple[str, ...]] = ("model.checkpoint",)
    replaced_by: ClassVar[str] = "model.checkpoint"

    @property
    def reads(self) -> tuple[str, ...]:
        return ("model.name", "model.checkpoint")

    @cached_property
    def content(self) -> Mapping[str, str]:
        from core.models.files import digest

        return {"content": digest(Path(self.model.checkpoint))}

    def run(self, context: "StageContext") -> None:
        from core.models.checkpoint import load_foreign
        from core.models.files import digest
        from core.tensors import save_tensors
        from core.training.images import split_images
        from core.training.network import new_network
        from core.training.predict import final_evaluation

        context.emit(StageStarted(context.stage, 1))
        file = Path(self.model.checkpoint)
        network = new_network(self.model, context.data)
        report = load_foreign(file, network)
        if digest(file) != self.content["content"]:
            raise StageError(f"{file} has changed since the run began", "start a new run with it")
        context.emit(Logged(f"given network: {report}"))
        save_tensors(context.directory / MODEL, network.state_dict())
        network.to(context.device).eval()
        validation, test = (split_images(context, split) for split in ("validation", "test"))
        final_evaluation(context, network, 0, {"validation": validation, "test": test})
        context.progress(1, 1)
