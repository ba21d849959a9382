"""Networks by name: the bundled ones, and torchvision's classifiers."""

from torch import nn

from core.errors import InputError, nearest
from core.models.digits import DigitsCnn, ReferenceCnn
from core.models.perceptron import Mlp

BUNDLED = ("digits-cnn", "mnist-cnn", "mlp")

# Their auxiliary heads answer in training mode only, with a tuple where everything else expects logits.
_WITH_AUXILIARY_HEADS = ("googlenet", "inception_v3")


def names() -> list[str]:
    """Names that `build` knows: the bundled ones first, then torchvision's classifiers with a linear head."""
    import torchvision
    from torchvision.models import list_models

    # SqueezeNet ends in a convolution: it has no linear head, hence no representation in front of one.
    known = [name for name in list_models(module=torchvision.models) if not name.startswith("squeezenet")]
    return [*BUNDLED, *known]


def build(
    name: str, outputs: int, channels: int = 3, size: tuple[int, int] = (28, 28), *, hidden: int = 390
) -> nn.Module:
    """Make a network with fresh weights, drawn from torch's global generator.

    Args:
        name: one of `names()`.
        outputs: number of labels; 1 for the one logit that tells two labels apart.
        channels: channels of the images; torchvision's networks take 3.
        size: height and width of the images, which `mlp` is made for.
        hidden: units of each hidden layer of `mlp`.

    Raises:
        InputError: an unknown name (with the nearest known one), or a number of channels that the network cannot take.
    """
    match name:
        case "digits-cnn":
            return DigitsCnn(outputs, channels)
        case "mnist-cnn":
            return ReferenceCnn(channels, outputs)
        case "mlp":
            return Mlp(channels * size[0] * size[1], outputs, hidden)
    known = names()
    if name not in known:
        raise InputError(
            f"unknown network '{name}'{nearest(name, known)} (known: digits-cnn, mnist-cnn, mlp and torchvision's)"
        )
    if channels != 3:
        raise InputError(f"network '{name}' takes images of 3 channels, not {channels}; use digits-cnn or mnist-cnn")
    from torchvision.models import get_model

    # Given outright, because GoogLeNet and Inception warn about their default.
    extra = {"aux_logits": False, "init_weights": True} if name in _WITH_AUXILIARY_HEADS else {}
    network: nn.Module = get_model(name, weights=None, num_classes=outputs, **extra)
    return network


def outline(name: str, outputs: int, channels: int = 3, size: tuple[int, int] = (28, 28)) -> nn.Module:
    """Make a network to look at its layers and shapes alone, on `meta` where it can be: no weights are drawn there.

    Args: as `build`.

    Raises:
        InputError: as `build`.
    """
    import torch

    try:
        with torch.device("meta"):
            return build(name, outputs, channels, size)
    except NotImplementedError:  # RegNet computes its widths in tensors
        return build(name, outputs, channels, size)


def has_buffers(name: str) -> bool:
    """Whether a network keeps more than its parameters, as BatchNorm keeps running statistics."""
    return any(True for _ in outline(name, 2).buffers())
