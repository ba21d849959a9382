"""Fit the linear head of a network on a representation."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from core.clustering.kmeans import Floats, Integers
from core.models.representation import Representation, find_head
from core.training.images import Images
from core.training.predict import batch_size


def represent(
    network: nn.Module,
    images: Images,
    rows: Tensor,
    parts: list[Tensor] | None = None,
    boundary: Callable[[], None] = lambda: None,
) -> Floats:
    """Representation of some images of a split, float32 [rows, d].

    Args:
        network: on the device of the images, in evaluation mode.
        images: the split.
        rows: int64 [rows].
        parts: representation of the first batches, from an earlier call that was stopped; the others are appended.
        boundary: called before every batch.
    """
    representation = Representation(network)
    done = [] if parts is None else parts
    with torch.no_grad():
        for part in rows.split(batch_size(images))[len(done) :]:
            boundary()
            done.append(representation(images.plain(part))[1].float().cpu())
    found: Floats = torch.cat(done).numpy()
    return found


def fit_head(features: Floats, labels: Integers, sample_weight: Floats, penalty: float) -> tuple[Floats, Floats]:
    """Fit a logistic regression on the standardised representation, and fold the scaling into the result.

    Args:
        features: representation, float32 [m, d].
        labels: int64 [m].
        sample_weight: [m].
        penalty: L2 penalty per sample.

    Returns:
        Weight [classes, d] and bias [classes] on raw features, both float32.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(features, sample_weight=sample_weight)
    model = LogisticRegression(C=1 / (penalty * len(labels)), max_iter=1000)
    model.fit(scaler.transform(features), labels, sample_weight=sample_weight)
    weight = model.coef_ / scaler.scale_
    bias = model.intercept_ - weight @ scaler.mean_
    if len(weight) == 1:  # binary models have one row for both classes
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    return weight.astype(np.float32), bias.astype(np.float32)


@torch.no_grad()
def replace_head(network: nn.Module, weight: Floats, bias: Floats) -> str:
    """Give the head of a network other weights, and return its name.

    Args:
        network: changed in place.
        weight: [classes, d].
        bias: [classes]; dropped if the head has none.
    """
    name, head = find_head(network)
    head.weight.copy_(torch.from_numpy(weight))
    if head.bias is not None:
        head.bias.copy_(torch.from_numpy(bias))
    return name
