"""Torchvision's classifiers, of which any version's names are taken as they are."""

from torch import nn

from core.models.names import extra_arguments

LIKELY = (
    *("resnet18", "resnet34", "resnet50", "resnet101", "densenet121", "mobilenet_v2", "efficientnet_b0", "vgg16"),
    *("convnext_tiny", "vit_b_16"),
)
"""What a file of weights is most often of."""
CHANNELS = 3
"""Of the images that they take."""


def names() -> list[str]:
    """Names of those with a linear head."""
    import torchvision
    from torchvision.models import list_models

    # SqueezeNet ends in a convolution: it has no linear head, hence no representation in front of one.
    return [name for name in list_models(module=torchvision.models) if not name.startswith("squeezenet")]


def build(name: str, outputs: int) -> nn.Module:
    """Make one with fresh weights."""
    from torchvision.models import get_model

    network: nn.Module = get_model(name, weights=None, num_classes=outputs, **extra_arguments(name))
    return network
