"""Stage `finetune` of the control `last-layer`: refit the linear head alone on the balanced set."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from core.clustering.kmeans import Floats, Integers
from core.config import Finetune, Model
from core.data.splits import SplitName
from core.engine.context import StageContext
from core.engine.stage import StageResult
from core.events import StageStarted
from core.models.representation import Representation, find_head
from core.stages.cluster import BALANCED
from core.stages.erm import MODEL, load_network
from core.stages.predict import batch_size, evaluate_for_good
from core.tensors import load_tensors, save_tensors
from core.training.images import Images


@dataclass(frozen=True)
class RefitHead:
    """Replace the head of ERM's network by a logistic regression on the representation of the balanced set.

    The representation is standardised for the fit, and the scaling folded into the head (as in deep feature
    reweighting, arXiv 2204.02937, which fits on data with group labels; here the balanced set stands in for them).

    Artifacts: `model.safetensors`, `predictions-*.safetensors`.
    """

    finetune: Finetune
    model: Model
    name: ClassVar[str] = "finetune"
    version: ClassVar[int] = 1
    inputs: ClassVar[tuple[str, ...]] = ("erm", "balance")

    def run(self, context: StageContext) -> StageResult:  # noqa: D102
        context.emit(StageStarted(context.stage, 1))
        network = load_network(self.model, context.data, context.input("erm") / MODEL, context.device)
        entries = load_tensors(context.input("balance") / BALANCED)
        train = Images(context.data, "train", context.device)
        representation = Representation(network)
        with torch.no_grad():
            batches = entries["indices"].split(batch_size(train))
            features = torch.cat([representation(train.pixels(rows))[1] for rows in batches]).cpu().numpy()
        labels = context.data.splits["train"].labels[entries["indices"].numpy()]
        weight, bias = _fit(features, labels, entries["weights"].numpy(), self.finetune.head_penalty)
        _, head = find_head(network)
        with torch.no_grad():
            head.weight.copy_(torch.from_numpy(weight))
            if head.bias is not None:
                head.bias.copy_(torch.from_numpy(bias))
        save_tensors(context.directory / MODEL, network.state_dict())
        context.progress(1, 1)
        splits: dict[SplitName, Images] = {
            "validation": Images(context.data, "validation", context.device),
            "test": Images(context.data, "test", context.device),
        }
        return StageResult(evaluate_for_good(context, network.eval(), 1, splits))


def _fit(features: Floats, labels: Integers, sample_weight: Floats, penalty: float) -> tuple[Floats, Floats]:
    """Weight [classes, d] and bias [classes] of the logistic regression on raw features [m, d]."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(features, sample_weight=sample_weight)
    model = LogisticRegression(C=1 / (penalty * len(labels)), max_iter=1000)
    model.fit(scaler.transform(features), labels, sample_weight=sample_weight)
    weight = model.coef_ / scaler.scale_
    bias = model.intercept_ - weight @ scaler.mean_
    if len(weight) == 1:  # two classes share one row of opposite signs
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    return weight.astype(np.float32), bias.astype(np.float32)
