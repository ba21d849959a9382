"""Two environments as an attribute of training and validation samples."""

import numpy as np
import torch
from torch import Tensor

from core.clustering.composition import Integers
from core.clustering.kmeans import Floats
from core.training.head import fit_head

FITTED = 6_000
"""Maximum number of training samples of the logistic regression that assigns validation samples."""


def environment_attribute(logits: Tensor, labels: Tensor, worse: Tensor) -> Tensor:
    """Attribute of every sample: its label, or in the worse fitted environment the most likely other class, [n].

    With two classes this is label xor environment.

    Args:
        logits: of the reference, [n, classes].
        labels: [n].
        worse: whether a sample is in the worse fitted environment, bool [n].
    """
    other = logits.scatter(1, labels[:, None], -torch.inf).argmax(1)
    return torch.where(worse, other, labels)


def extend(attribute: Integers, features: Floats, held_out: Floats, penalty: float, seed: int) -> Integers:
    """Predict the attribute of held-out samples by a logistic regression on the representation, [m].

    Args:
        attribute: of the training samples, [n].
        features: their representation, [n, d].
        held_out: representation of the held-out samples, [m, d].
        penalty: L2 penalty per sample.
        seed: of the draw of up to `FITTED` training samples.
    """
    rows = np.random.default_rng(seed).permutation(len(attribute))[:FITTED]
    values, targets = np.unique(attribute[rows], return_inverse=True)
    if len(values) == 1:
        return np.full(len(held_out), values[0])
    weight, bias = fit_head(features[rows], targets, np.ones(len(rows), np.float32), penalty)
    predicted: Integers = values[(held_out @ weight.T + bias).argmax(1)]
    return predicted
