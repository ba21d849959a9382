"""Masks without training: the weights with the largest scores over all layers."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from core.pruning.masks import maskable_weights
from core.pruning.schedule import count_of, largest
from core.pruning.subnetwork import FixedMasks


def keep_largest(scores: Mapping[str, Tensor], share: float) -> FixedMasks:
    """Keep the weights with the largest scores, compared over all layers; of equal ones the first.

    Args:
        scores: name of a parameter → score of every weight.
        share: of all these weights to keep, in (0, 1].
    """
    flat = torch.cat([score.flatten() for score in scores.values()])
    parts = largest(flat, count_of(share, len(flat))).split([score.numel() for score in scores.values()])
    return FixedMasks({name: part.view(scores[name].shape) for name, part in zip(scores, parts, strict=True)})


def magnitudes(network: nn.Module, exclude: Sequence[str] = ()) -> dict[str, Tensor]:
    """Absolute value of every maskable weight (Han et al., arXiv 1506.02626)."""
    return {name: weight.detach().abs() for name, weight in maskable_weights(network, exclude).items()}


def random_scores(network: nn.Module, seed: int, exclude: Sequence[str] = ()) -> dict[str, Tensor]:
    """Uniformly random scores on the network's device; for one seed, smaller masks are parts of larger ones."""
    generator = torch.Generator().manual_seed(seed)
    weights = maskable_weights(network, exclude)
    return {name: torch.rand(w.shape, generator=generator).to(w.device) for name, w in weights.items()}
