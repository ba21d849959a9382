"""Stage `head` of DFR: the head refitted on sets balanced over the true groups (arXiv 2204.02937)."""

from collections.abc import Mapping
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
    from core.engine.context import StageContext


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

        from core.data.dataset import groups as groups_of
        from core.models.representation import find_head
        from core.tensors import save_tensors
        from core.training.dfr import fit_on_draw, halves, worst_group
        from core.training.head import represent
        from core.training.images import Images
        from core.training.network import load_network
        from core.training.predict import batch_size, final_evaluation

        data, settings = context.data, self.dfr
        network = load_network(self.model, data, context.input("erm") / MODEL, context.device)
        splits = {name: Images(data, name, context.device) for name in ("train", "validation", "test")}
        fitted = data.splits[self.split]
        state: dict[str, Any] = {"features": {"train": [], "validation": []}, "scores": [], "heads": []}
        state = context.resume_state() or state
        looked_at = ["validation"] if self.split == "validation" else ["train", "validation"]
        total = sum(-(-len(splits[name]) // batch_size(splits[name])) for name in looked_at)
        total += len(settings.penalties) + settings.draws

        def boundary() -> None:
            context.at_boundary(lambda: state)
            done = sum(map(len, state["features"].values())) + len(state["scores"]) + len(state["heads"])
            context.progress(done, total)

        context.emit(StageStarted(context.stage, total))
        features = {
            name: represent(network, splits[name], torch.arange(len(splits[name])), state["features"][name], boundary)
            for name in looked_at
        }
        x, y, g = features[self.split], fitted.labels, groups_of(fitted, data)
        if len(np.unique(y)) < 2:
            raise StageError(f"the {self.split} split has images of one class only", "use another split")
        held_out = data.splits["validation"]
        rows, tested = np.arange(len(y)), np.arange(len(held_out))
        if self.split == "validation":
            rows, tested = halves(g, np.random.default_rng(context.streams.seed("halves")))
        test = (features["validation"][tested], held_out.labels[tested], groups_of(held_out, data)[tested])
        for penalty in settings.penalties[len(state["scores"]) :]:
            boundary()
            draw = np.random.default_rng(context.streams.seed("tuning"))
            state["scores"].append(worst_group(fit_on_draw(x[rows], y[rows], g[rows], penalty, draw), *test))
        best = settings.penalties[int(np.argmax(state["scores"]))]
        for number in range(len(state["heads"]), settings.draws):
            boundary()
            draw = np.random.default_rng(context.streams.seed(f"draw-{number}"))
            state["heads"].append([torch.from_numpy(part) for part in fit_on_draw(x, y, g, best, draw)])
        context.emit(Logged(f"{context.stage}: penalty {best:g} (worst group {max(state['scores']):.1%})"))
        weight, bias = (torch.stack([head[part] for head in state["heads"]]).mean(0) for part in (0, 1))
        _, head = find_head(network)
        with torch.no_grad():
            head.weight.copy_(weight)
            if head.bias is not None:
                head.bias.copy_(bias)
        save_tensors(context.directory / MODEL, network.state_dict())
        context.progress(total, total)
        final_evaluation(context, network, 1, {name: splits[name] for name in ("validation", "test")})
