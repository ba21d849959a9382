"""Two networks that are trained together on the same images."""

import torch
from torch import Tensor, nn


class Pair(nn.Module):
    """Two networks that see the same images.

    Args:
        first: any network.
        second: a network with the same number of outputs.
    """

    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.first = first
        self.second = second

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits of both, [n, classes, 2], of images [n, channels, height, width]."""
        return torch.stack([self.first(images), self.second(images)], dim=-1)
