"""Fit the linear head of a network on a representation."""

import filecmp
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from core.artifacts import MODEL, kept_file, represented
from core.clustering.kmeans import Floats, Integers
from core.models.representation import Representation, find_head
from core.tensors import load_tensors, metadata_of
from core.training.images import Images
from core.training.predict import Predictions, batch_size, predictions_of

if TYPE_CHECKING:
    from core.engine.context import StageContext


def represent(
    network: nn.Module,
    images: Images,
    rows: Tensor,
    parts: list[Tensor] | None = None,
    boundary: Callable[[], None] | None = None,
) -> Floats:
    """Representation of some images of a split, float32 [rows, d].

    Args:
        network: on the device of the images, in evaluation mode.
        images: the split.
        rows: int64 [rows].
        parts: representation of the first batches, from an earlier call that was stopped; the others are appended.
        boundary: called before every batch instead of `images.between`.
    """
    representation = Representation(network)
    done = [] if parts is None else parts
    boundary = boundary or images.between
    batches = rows.split(batch_size(images))
    with torch.no_grad():
        for number in range(len(done), len(batches)):
            boundary()
            pixels = images.plain(batches[number])
            if number + 1 < len(batches):
                images.ahead(batches[number + 1])
            done.append(representation(pixels)[1].float().cpu())
    found: Floats = torch.cat(done).numpy()
    return found


def final_features(context: "StageContext", *, exact: bool = False) -> Mapping[str, Tensor] | None:
    """Representation of the training and validation images by the final network of ERM, if `represent` extracted it.

    Args:
        context: of a later stage.
        exact: whether it must have been computed in fp32.

    Returns:
        `features` float32 [n, d] and `validation` float32 [m, d], on the CPU; None if they are not there.
    """
    erm, files = context.input("erm"), represented(context.input("represent"))
    if not files:
        return None
    epoch, file = list(files.items())[-1]  # the final network has the last epoch
    # Weights kept at that epoch may be other ones than those that a rule has selected as final.
    if (kept := kept_file(erm, epoch)).exists() and not filecmp.cmp(kept, erm / MODEL, shallow=False):
        return None
    if exact and metadata_of(file).get("precision") != "fp32":
        return None
    tensors = load_tensors(file)
    return tensors if "validation" in tensors else None  # missing in runs of earlier versions


@torch.no_grad()
def run_head(network: nn.Module, parts: Iterable[Tensor], device: torch.device) -> Tensor:
    """Logits [n, classes] by the head of a network on `device`, of the batches [batch, d] of a representation."""
    head = find_head(network)[1]
    # Copied, as products of matrices may round differently where the memory of a file is not aligned.
    return torch.cat([head(part.to(device, copy=True)) for part in parts])


def predict_by_head(network: nn.Module, features: Floats, images: Images) -> Predictions:
    """What `predict` returns for a split whose representation is known: only the head is computed.

    Args:
        network: on the device of the images.
        features: representation of all images of the split in order, by this network, float32 [n, d].
        images: the split.
    """
    parts = torch.from_numpy(features).split(batch_size(images))  # as `predict` does, for the same bits
    return predictions_of(run_head(network, parts, images.device))


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
    model = LogisticRegression(C=1 / (penalty * len(labels)) if penalty else np.inf, max_iter=1000)
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
