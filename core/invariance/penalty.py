"""Risk and IRMv1 penalty of every environment, for all members at once, in closed form.

IRMv1 (Arjovsky et al., arXiv 1907.02893) uses the derivative of the risk of an environment with respect to a scale s of
all logits, at s = 1. For one sample this derivative has a closed form, so one backward pass is enough.

Environments are columns of a matrix of weights over samples. A sample may be in several of them, with any weight, and
the sums over all environments are one small matrix product, which is deterministic, unlike scatter-add on a GPU.
"""

from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

Estimator = Literal["squared", "split", "pairs"]


def sample_losses(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of every sample, [members, n].

    Logits are [members, n] of label 1 against label 0, or [members, n, classes]; labels are [n].
    """
    _check(logits, labels)
    if logits.dim() == 2:
        return F.binary_cross_entropy_with_logits(logits, labels.to(logits).expand_as(logits), reduction="none")
    return F.cross_entropy(logits.movedim(-1, 1), labels.expand(logits.shape[:2]), reduction="none")


def scale_gradients(logits: Tensor, labels: Tensor) -> Tensor:
    """Derivative of every sample's cross-entropy with respect to a scale of its logits, at scale 1: [members, n].

    (σ(z) − y)·z for a single logit z, and Σ_c p_c z_c − z_y for the softmax p of logits z. Its mean over an environment
    is 0 if no rescaling of the logits would lower the risk there. Arguments as `sample_losses`.
    """
    _check(logits, labels)
    if logits.dim() == 2:
        return (logits.sigmoid() - labels.to(logits)) * logits
    expected = (logits.softmax(-1) * logits).sum(-1)
    return expected - logits.gather(-1, labels.expand(logits.shape[:2])[..., None]).squeeze(-1)


def shares(weights: Tensor) -> Tensor:
    """Weights of samples in environments, [n, environments], scaled to columns that sum to 1; empty columns stay 0."""
    total = weights.sum(0)
    return weights / torch.where(total > 0, total, 1)


def means(values: Tensor, of: Tensor) -> Tensor:
    """Mean of values [members, n] over every environment: [members, environments]; 0 for an empty one.

    `of` are the shares of the samples in the environments, [n, environments].
    """
    return values @ of


def penalties(gradients: Tensor, of: Tensor, estimator: Estimator = "squared") -> Tensor:
    """IRMv1 penalty of every environment, [members, environments]; 0 with too few samples for the estimator.

    `squared` is (mean of g)²: exact for a full batch, too large by the variance of the mean on a mini-batch. The other
    two are unbiased and can be negative: `split` multiplies the means over the odd and the even samples of an
    environment (IRM, section 3.2); `pairs` is the mean of g_i·g_j over all pairs of different samples, which is `split`
    averaged over all ways to split, and so has the lowest variance.

    The gradients g are those of `scale_gradients`, [members, n]; `of` as in `means`.
    """
    match estimator:
        case "squared":
            return means(gradients, of).square()
        case "split":
            there = of > 0
            odd = there & (there.cumsum(0) % 2 == 1)
            one, other = (means(gradients, shares(of * half)) for half in (odd, there & ~odd))
            return one * other
        case "pairs":
            squares = of.square()
            rest = 1 - squares.sum(0)
            some = (rest > 0) & ((of > 0).sum(0) > 1)
            spread = means(gradients, of).square() - means(gradients.square(), squares)
            return torch.where(some, spread / torch.where(some, rest, 1), 0)
        case _:
            raise ValueError(f"unknown estimator {estimator!r}; known: {', '.join(get_args(Estimator))}")


def _check(logits: Tensor, labels: Tensor) -> None:
    if logits.dim() not in (2, 3) or labels.shape != logits.shape[1:2]:
        raise ValueError(
            f"logits {tuple(logits.shape)} and labels {tuple(labels.shape)} are not [members, n(, classes)] and [n]"
        )
