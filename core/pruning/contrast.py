"""Supervised contrastive losses over clusters, and over conflict samples."""

from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

Negatives = Literal["same-cluster-other-class", "same-cluster", "other-class"]


def contrastive_loss(
    z: Tensor,
    labels: Tensor,
    clusters: Tensor,
    temperature: float,
    negatives: Negatives = "same-cluster-other-class",
    anchors: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Pull samples of one class together across clusters, and push the classes of one cluster apart.

    With s_ij = cos(z_i, z_j) / τ, the loss of anchor i is the mean over its positives p of
    −log( exp(s_ip) / (Σ_n exp(s_in) + Σ_p' exp(s_ip')) ), with sums over its negatives n and its positives p'. The loss
    is the mean over the anchors, so that its weight does not depend on the batch size. Positives are the samples of the
    same class in other clusters. An anchor is itself neither positive nor negative; it is valid if it has both.

    Args:
        z: representation [n, d], with rows of any length.
        labels: class of each sample [n], integers.
        clusters: cluster of each sample [n], integers.
        temperature: τ > 0.
        negatives: samples that an anchor is pushed away from: those of its cluster and another class, all of its
            cluster, or all of another class.
        anchors: samples that may be anchors, bool [n]; None for all.

    Returns:
        Loss (a scalar; 0 with zero gradient if no anchor is valid) and number of valid anchors (a scalar). Half
        precision inputs are computed in single precision.

    Raises:
        ValueError: the shapes do not match, the temperature is not positive, or the negatives are unknown.

    Source:
        PruSC, arXiv 2407.14974; the form of the loss is Khosla et al., NeurIPS 2020, arXiv 2004.11362, equation 2.
    """
    if z.dim() != 2 or labels.shape != z.shape[:1] or clusters.shape != z.shape[:1]:
        shapes = [tuple(t.shape) for t in (z, labels, clusters)]
        raise ValueError(f"z, labels and clusters have shapes {shapes}, not [n, d], [n], [n]")
    if temperature <= 0:
        raise ValueError(f"temperature {temperature} is not positive")
    if negatives not in get_args(Negatives):
        raise ValueError(f"unknown negatives {negatives!r}")
    same_class = labels[:, None] == labels  # [n, n]
    same_cluster = clusters[:, None] == clusters
    positive = same_class & ~same_cluster
    if negatives == "same-cluster-other-class":
        negative = same_cluster & ~same_class
    elif negatives == "other-class":
        negative = ~same_class
    else:
        negative = same_cluster.fill_diagonal_(False)
    return _mean_loss(z, positive, negative, temperature, anchors)


def debiased_contrastive_loss(
    z: Tensor, labels: Tensor, conflicts: Tensor, temperature: float
) -> tuple[Tensor, Tensor]:
    """Pull samples of one class together if at least one of them contradicts the shortcut, away from all others.

    The loss is that of `contrastive_loss`; all samples that are not positives of an anchor are its negatives, so that
    samples of one class that all follow the shortcut are not pulled together.

    Args:
        z: representation [n, d], with rows of any length.
        labels: class of each sample [n], integers.
        conflicts: whether each sample contradicts the shortcut, bool [n].
        temperature: τ > 0.

    Returns:
        As `contrastive_loss`.

    Source:
        DCWP, arXiv 2210.05247, as in the authors' code.
    """
    others = ~torch.eye(len(z), dtype=torch.bool, device=z.device)
    positive = (labels[:, None] == labels) & (conflicts[:, None] | conflicts) & others
    return _mean_loss(z, positive, others & ~positive, temperature)


def _mean_loss(
    z: Tensor, positive: Tensor, negative: Tensor, temperature: float, anchors: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Mean loss over the valid anchors, and their number.

    Args:
        z: representation [n, d].
        positive: whether sample j is a positive of anchor i, bool [n, n].
        negative: whether it is a negative, bool [n, n].
        temperature: τ.
        anchors: samples that may be anchors, bool [n]; None for all.
    """
    valid = positive.any(1) & negative.any(1)  # [n]
    if anchors is not None:
        valid = valid & anchors

    # Half precision would round a similarity of 1/τ ≈ 14 to ±0.06.
    with torch.autocast(z.device.type, enabled=False):
        unit = F.normalize(z.to(torch.promote_types(z.dtype, torch.float32)), dim=1)
        s = unit @ unit.T / temperature  # [n, n]
        # The lowest number instead of −∞, as a row of only −∞ would have a gradient of NaN.
        others = s.masked_fill(~(positive | negative), torch.finfo(s.dtype).min)
        mean_positive = s.masked_fill(~positive, 0).sum(1) / positive.sum(1).clamp(min=1)
        losses = (others.logsumexp(1) - mean_positive).masked_fill(~valid, 0)  # [n]
    n_anchors = valid.sum()
    return losses.sum() / n_anchors.clamp(min=1), n_anchors
