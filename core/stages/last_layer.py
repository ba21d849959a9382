"""Stage `finetune` of the control `last-layer`: refit only the linear head on the balanced set."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from core.artifacts import BALANCED, MODEL, NETWORK_FILES
from core.config import Finetune, Model
from core.engine.stage import Stage
from core.events import StageStarted

if TYPE_CHECKING:
    from core.engine.context import StageContext


@dataclass(frozen=True)
class RefitHead(Stage):
    """Replace the head of ERM's network by a logistic regression on the representation of the balanced set.

    The representation is standardised for the fit, and the scaling folded into the head (as in deep feature
    reweighting, arXiv 2204.02937, which uses data with group labels instead of the balanced set).
    """

    finetune: Finetune
    model: Model
    name: ClassVar[str] = "finetune"
    files: ClassVar[Mapping[str, str]] = NETWORK_FILES

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("erm", "balance")

    @property
    def reads(self) -> tuple[str, ...]:
        return ("finetune.head_penalty", "model.name")

    def run(self, context: "StageContext") -> None:
        import torch

        from core.models.representation import Representation, find_head
        from core.tensors import load_tensors, save_tensors
        from core.training.head import fit_head
        from core.training.images import Images
        from core.training.network import load_network
        from core.training.predict import batch_size, final_evaluation

        context.emit(StageStarted(context.stage, 1))
        network = load_network(self.model, context.data, context.input("erm") / MODEL, context.device)
        entries = load_tensors(context.input("balance") / BALANCED)
        train = Images(context.data, "train", context.device)
        representation = Representation(network)
        with torch.no_grad():
            batches = entries["indices"].split(batch_size(train))
            features = torch.cat([representation(train.pixels(rows))[1] for rows in batches]).cpu().numpy()
        labels = context.data.splits["train"].labels[entries["indices"].numpy()]
        weight, bias = fit_head(features, labels, entries["weights"].numpy(), self.finetune.head_penalty)
        _, head = find_head(network)
        with torch.no_grad():
            head.weight.copy_(torch.from_numpy(weight))
            if head.bias is not None:
                head.bias.copy_(torch.from_numpy(bias))
        save_tensors(context.directory / MODEL, network.state_dict())
        context.progress(1, 1)
        validation, test = (Images(context.data, split, context.device) for split in ("validation", "test"))
        final_evaluation(context, network.eval(), 1, {"validation": validation, "test": test})
