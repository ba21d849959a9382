"""Finder `errors`: the mistakes of an early checkpoint of ERM, as JTT takes them (arXiv 2107.09044)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from core.artifacts import FINDER_FILES, MODEL, kept_file
from core.config import Erm, Model, Section
from core.config.section import Positive
from core.engine.stage import Stage
from core.events import StageStarted

if TYPE_CHECKING:
    from core.engine.context import StageContext


class Errors(Section, section="errors"):
    """Finder `errors`: an early checkpoint of ERM, whose mistakes are the conflict samples (JTT, arXiv 2107.09044)."""

    epoch: Positive = 0.25
    """Epoch of the checkpoint, one of `erm.keep_epochs` (JTT chooses it with group labels; ours: 0.25, without)."""


def early_checkpoint(erm: Erm | None, epoch: float) -> str:
    """File among the artifacts of ERM with the last weights kept until an epoch, or with the final network.

    Args:
        erm: settings of the training; None for a given network, which has only one checkpoint.
        epoch: of the checkpoint.
    """
    if erm is None:
        return MODEL
    kept = [kept for kept in erm.keep_epochs if kept <= min(epoch, erm.epochs)]
    return kept_file(Path(), max(kept)).name if kept else MODEL


@dataclass(frozen=True)
class FindByErrors(Stage):
    """Take the predictions of an early checkpoint as pseudo-groups.

    Attributes:
        erm: settings of the training; None for a given network, which has only one checkpoint.
    """

    errors: Errors
    erm: Erm | None
    model: Model
    name: ClassVar[str] = "errors"
    parallel: ClassVar[bool] = True
    files: ClassVar[Mapping[str, str]] = FINDER_FILES

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("erm",)

    @property
    def reads(self) -> tuple[str, ...]:
        return ("errors", "model.name")

    def run(self, context: "StageContext") -> None:
        from core.finding.pseudo_groups import from_predictions
        from core.training.images import split_images
        from core.training.network import load_network
        from core.training.predict import predict

        context.emit(StageStarted(context.stage, 1))
        data = context.data
        file = early_checkpoint(self.erm, self.errors.epoch)
        network = load_network(self.model, data, context.input("erm") / file, context.device)
        train, validation = (
            predict(network, split_images(context, split)).classes.cpu().numpy() for split in ("train", "validation")
        )
        source = f"mistakes of ERM ({Path(file).stem})"
        labels = data.splits["train"].labels
        from_predictions(source, [train], labels, data.label_names, [validation]).save(context.directory)
        context.progress(1, 1)
