"""Torchvision's classifiers, with the names of the installed version."""

from torch import nn

from core.models.names import extra_arguments

LIKELY = (
    *("resnet18", "resnet34", "resnet50", "resnet101", "densenet121", "mobilenet_v2", "efficientnet_b0", "vgg16"),
    *("convnext_tiny", "vit_b_16"),
)
"""The most likely networks for a file of weights."""
CHANNELS = 3
"""Channels of their input."""


def names() -> list[str]:
    """Names of the classifiers with a linear head."""
    import torchvision
    from torchvision.models import list_models

    # SqueezeNet ends in a convolution: it has no linear head and so no representation.
    return [name for name in list_models(module=torchvision.models) if not name.startswith("squeezenet")]


def build(name: str, outputs: int) -> nn.Module:
    """Make a classifier with fresh weights."""
    from torchvision.models import get_model

    network: nn.Module = get_model(name, weights=None, num_classes=outputs, **extra_arguments(name))
    return network
