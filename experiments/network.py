"""The network of a description, without its weights, and its logits."""

from torch import Tensor, nn

from core.models.heads import class_logits
from core.models.networks import build
from core.pruning.channels import with_channels
from experiments.description import Description


def network_of(about: Description) -> nn.Module:
    """Build the network of a description, with fresh weights."""
    network = build(about.network, about.outputs, about.channels, about.crop, hidden=about.hidden or 1)
    return with_channels(network, about.kept) if about.kept else network


def all_logits(network: nn.Module, pixels: Tensor, outputs: int) -> Tensor:
    """Logits of all labels, [n, labels], for any head: 0 for label 0 if it has one output."""
    logits: Tensor = network(pixels)
    return class_logits(logits.reshape(-1)) if outputs == 1 else logits
