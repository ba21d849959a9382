"""Stage `erm` where a trained network is given: it is taken as it is, and evaluated as if it had been trained here."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from core.config import Model
from core.engine.context import StageContext
from core.engine.stage import StageResult
from core.errors import StageError
from core.events import Logged, StageStarted
from core.models.checkpoint import load_foreign
from core.models.files import digest
from core.stages.erm import MODEL, new_network
from core.stages.predict import evaluate_for_good
from core.tensors import save_tensors
from core.training.images import Images


@dataclass(frozen=True)
class TakeCheckpoint:
    """Take a network that was trained elsewhere in place of training one; there are no early checkpoints of it.

    Artifacts: `model.safetensors`, `predictions-*.safetensors`.

    Attributes:
        content: digest of the file, so that another network in its place is another stage.
    """

    model: Model
    content: str
    name: ClassVar[str] = "erm"
    version: ClassVar[int] = 1
    inputs: ClassVar[tuple[str, ...]] = ()

    def run(self, context: StageContext) -> StageResult:  # noqa: D102
        context.emit(StageStarted(context.stage, 1))
        file = Path(self.model.checkpoint)
        network = new_network(self.model, context.data)
        report = load_foreign(file, network)
        if digest(file) != self.content:
            raise StageError(f"{file} has changed since the run began", "start a run of its own with it")
        context.emit(Logged(f"the trained network is given: {report}"))
        save_tensors(context.directory / MODEL, network.state_dict())
        network.to(context.device).eval()
        validation, test = (Images(context.data, split, context.device) for split in ("validation", "test"))
        evaluations = evaluate_for_good(context, network, 0, {"validation": validation, "test": test})
        context.progress(1, 1)
        return StageResult(evaluations)
