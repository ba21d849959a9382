"""Stage `head` of DFR: the head refitted on sets balanced over the true groups (arXiv 2204.02937)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from core.artifacts import MODEL, NETWORK_FILES
from core.config import Model, Section
from core.config.section import Count, Positive
from core.engine.stage import Stage
from core.errors import StageError
from core.events import Logged, StageStarted

if TYPE_CHECKING:
    from torch import Tensor

    from core.engine.context import StageContext
    from core.training.dfr import Grouped


class Dfr(Section, section="dfr"):
    """Recipes `dfr-validation` and `dfr-train`: the head refitted on group-balanced sets (arXiv 2204.02937)."""

    penalties: Annotated[tuple[Positive, ...], Field(min_length=1)] = (1e-3, 1e-2, 1e-1, 1.0)
    """L2 penalties per sample to choose from by the worst group of validation (DFR: L1 penalties, seven of them)."""
    draws: Count = 20
    """Group-balanced sets on which a head is fitted; the heads are averaged (DFR: 20 on validation, 10 on training)."""


@dataclass(frozen=True)
class RefitOnGroups(Stage):
    """Replace the head by the mean of logistic regressions on sets with all true groups equally large: an oracle.

    The penalty is chosen by the worst group: for the training split on the validation split; for the validation split
    on one half of it, with the head fitted on the other half.

    Attributes:
        split: whose groups are used.
    """

    dfr: Dfr
    model: Model
    split: Literal["train", "validation"]
    name: ClassVar[str] = "head"
    files: ClassVar[Mapping[str, str]] = NETWORK_FILES

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("erm",)

    @property
    def reads(self) -> tuple[str, ...]:
        return ("dfr", "model.name")

    def run(self, context: "StageContext") -> None:
        import numpy as np
        import torch

        from core.data.dataset import groups
        from core.tensors import save_tensors
        from core.training.dfr import Grouped
        from core.training.head import predict_by_head, replace_head, represent
        from core.training.images import split_images
        from core.training.network import load_network
        from core.training.predict import batch_size, final_evaluation

        data, settings = context.data, self.dfr
        network = load_network(self.model, data, context.input("erm") / MODEL, context.device)
        images = {name: split_images(context, name) for name in ("train", "validation", "test")}
        used = dict.fromkeys([self.split, "validation"])
        fresh: dict[str, Any] = {"features": {name: [] for name in used}, "scores": [], "heads": []}
        state = context.resume_state() or fresh
        total = sum(-(-len(images[name]) // batch_size(images[name])) for name in used)
        total += len(settings.penalties) + settings.draws

        def done() -> int:
            return sum(map(len, state["features"].values())) + len(state["scores"]) + len(state["heads"])

        def boundary() -> None:
            context.at_boundary(lambda: state)
            context.progress(done(), total)

        context.emit(StageStarted(context.stage, total, done()))
        samples: dict[str, Grouped] = {}
        for name in used:
            rows = torch.arange(len(images[name]))
            features = represent(network, images[name], rows, state["features"][name], boundary)
            samples[name] = Grouped(features, data.splits[name].labels, groups(data.splits[name], data))
        counts = np.bincount(samples[self.split].labels, minlength=len(data.label_names))
        if not counts.all():
            missing = data.label_names[int(counts.argmin())]
            what = f"the {self.split} split has no image of class '{missing}'"
            raise StageError(what, "use data with every class in it")
        heads = self._fit(context, samples, state["scores"], state["heads"], boundary)
        replace_head(network, *(np.mean([head[part].numpy() for head in heads], axis=0) for part in (0, 1)))
        save_tensors(context.directory / MODEL, network.state_dict())
        context.progress(total, total)
        known = {"validation": predict_by_head(network, samples["validation"].features, images["validation"])}
        final_evaluation(context, network, 1, {name: images[name] for name in ("validation", "test")}, known)

    def _fit(
        self,
        context: "StageContext",
        samples: "Mapping[str, Grouped]",
        scores: list[float],
        heads: "list[tuple[Tensor, ...]]",
        boundary: Callable[[], None],
    ) -> "list[tuple[Tensor, ...]]":
        """Choose the penalty and fit the heads; `scores` and `heads` have those of a checkpoint, if any."""
        import numpy as np
        import torch

        from core.training.dfr import fit_on_draw, halves, worst_group

        def random(name: str) -> np.random.Generator:
            return np.random.default_rng(context.streams.seed(name))

        fitted, tested = samples[self.split], samples["validation"]
        if self.split == "validation":
            fitted, tested = (tested.at(rows) for rows in halves(tested.groups, random("halves")))
        for penalty in self.dfr.penalties[len(scores) :]:
            boundary()
            scores.append(worst_group(fit_on_draw(fitted, penalty, random("tuning")), tested))
        best = self.dfr.penalties[scores.index(max(scores))]
        context.emit(Logged(f"{context.stage}: penalty {best:g}, with which the worst group has {max(scores):.1%}"))
        for number in range(len(heads), self.dfr.draws):
            boundary()
            head = fit_on_draw(samples[self.split], best, random(f"draw-{number}"))
            heads.append(tuple(torch.from_numpy(part) for part in head))
        return heads
