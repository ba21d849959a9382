"""Networks by name: the bundled one, and torchvision's classifiers."""

from torch import nn

from core.errors import InputError, nearest
from core.models.digits import DigitsCnn

# Their auxiliary heads answer in training mode only, with a tuple where everything else expects logits.
_WITH_AUXILIARY_HEADS = ("googlenet", "inception_v3")


def names() -> list[str]:
    """Names that `build` knows: `digits-cnn` first, then torchvision's classifiers with a linear head."""
    import torchvision
    from torchvision.models import list_models

    # SqueezeNet ends in a convolution: it has no linear head, hence no representation in front of one.
    known = [name for name in list_models(module=torchvision.models) if not name.startswith("squeezenet")]
    return ["digits-cnn", *known]


def build(name: str, n_classes: int, channels: int = 3) -> nn.Module:
    """Make a network with fresh weights, drawn from torch's global generator.

    Args:
        name: one of `names()`.
        n_classes: number of labels.
        channels: channels of the images; torchvision's networks take 3.

    Raises:
        InputError: an unknown name (with the nearest known one), or a number of channels that the network cannot take.
    """
    if name == "digits-cnn":
        return DigitsCnn(n_classes, channels)
    known = names()
    if name not in known:
        raise InputError(f"unknown network '{name}'{nearest(name, known)} (known: digits-cnn and torchvision's names)")
    if channels != 3:
        raise InputError(f"network '{name}' takes images of 3 channels, not {channels}; use digits-cnn")
    from torchvision.models import get_model

    # Given outright, because GoogLeNet and Inception warn about their default.
    extra = {"aux_logits": False, "init_weights": True} if name in _WITH_AUXILIARY_HEADS else {}
    network: nn.Module = get_model(name, weights=None, num_classes=n_classes, **extra)
    return network
