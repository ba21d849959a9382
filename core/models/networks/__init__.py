"""Networks by name: our own, one file each, those of installed packages, and torchvision's classifiers.

Our own networks are classes in files of this folder, declared with `@network`; the file has the name of the network,
with `_` for `-`. An installed package adds such a module by an entry point of the group `prusc_tui.networks`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar

from torch import nn

from core import discovery
from core.errors import InputError, nearest
from core.models import timm
from core.models.names import GROUP, PACKAGE, extra_arguments, own_names

Kind = TypeVar("Kind", bound=type[nn.Module])

LIKELY = (
    *("resnet18", "resnet34", "resnet50", "resnet101", "densenet121", "mobilenet_v2", "efficientnet_b0", "vgg16"),
    *("convnext_tiny", "vit_b_16"),
)
"""The most likely networks of torchvision for a file of weights."""
CHANNELS = 3
"""Channels of the images that torchvision's networks take."""
_MARK = "_declared_network"
"""Attribute of a class with its declaration."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Requirements for a network: labels (1 for a binary head), channels, (height, width), units per hidden layer."""

    outputs: int
    channels: int
    size: tuple[int, int]
    hidden: int


@dataclass(frozen=True, slots=True)
class Declared:
    """Declaration of one of our own networks, or of one from an installed package.

    `arguments` returns those of its constructor by name; `channels` is their required number, None for any.
    """

    name: str
    kind: type[nn.Module]
    arguments: Callable[[Wanted], dict[str, Any]]
    channels: int | None


def network(
    name: str, arguments: Callable[[Wanted], dict[str, Any]], *, channels: int | None = None
) -> Callable[[Kind], Kind]:
    """Class decorator that declares the network `name`; arguments as in `Declared`."""

    def declare(kind: Kind) -> Kind:
        setattr(kind, _MARK, Declared(name, kind, arguments, channels))
        return kind

    return declare


def names() -> list[str]:
    """Names accepted by `build`: our own first, then torchvision's classifiers with a linear head.

    Those of timm (`timm/NAME`), which are more than a thousand, are not among them.
    """
    import torchvision
    from torchvision.models import list_models

    # SqueezeNet ends in a convolution: it has no linear head and so no representation.
    theirs = [name for name in list_models(module=torchvision.models) if not name.startswith("squeezenet")]
    return [*_declared(), *theirs]


def likely(channels: int) -> list[str]:
    """Names of networks that a file of weights is probably of, most likely first."""
    ours = [declared.name for declared in _declared().values() if declared.channels in (None, channels)]
    return [*(LIKELY if channels == CHANNELS else ()), *ours]


def check_name(name: str) -> None:
    """Make sure that there is a network called `name`; raises InputError, with the closest name, if there is none."""
    if timm.is_timm(name):
        timm.check_name(name)
    elif name not in (ours := _declared()) and name not in (known := names()):  # ours need no torchvision
        everything = f"{', '.join(ours)}, torchvision's and timm/NAME"
        raise InputError(f"unknown network '{name}'{nearest(name, known)} (known: {everything})")


def build(
    name: str, outputs: int, channels: int = 3, size: tuple[int, int] = (28, 28), *, hidden: int = 390
) -> nn.Module:
    """Make a network with fresh weights, drawn from torch's global generator.

    One output is a binary head. Torchvision's networks take 3 channels; `mlp` needs the size of the images, height and
    width, and the units per hidden layer. Raises InputError if the name is unknown (with the closest known one), or the
    network does not take that many channels.
    """
    if timm.is_timm(name):
        return timm.build(name, outputs, channels, size)
    check_name(name)
    ours = _declared()
    declared = ours.get(name)
    takes = CHANNELS if declared is None else declared.channels
    if takes not in (None, channels):
        others = " or ".join(other.name for other in ours.values() if other.channels is None)
        raise InputError(f"network '{name}' takes images with {takes} channels, not {channels}; use {others}")
    if declared is None:
        from torchvision.models import get_model

        made: nn.Module = get_model(name, weights=None, num_classes=outputs, **extra_arguments(name))
        return made
    return declared.kind(**declared.arguments(Wanted(outputs, channels, size, hidden)))


def outline(name: str, outputs: int, channels: int = 3, size: tuple[int, int] = (28, 28)) -> nn.Module:
    """Make a network, as `build`, without weights, for its layers and shapes: on `meta`, if possible."""
    import torch

    try:
        with torch.device("meta"):
            return build(name, outputs, channels, size)
    except NotImplementedError:  # RegNet computes its widths with tensors
        return build(name, outputs, channels, size)


def has_buffers(name: str) -> bool:
    """Whether a network has buffers, such as the running statistics of BatchNorm."""
    return any(True for _ in outline(name, 2).buffers())


def _declared() -> dict[str, Declared]:
    return {declared.name: declared for declared in discovery.declared(PACKAGE, GROUP, _declared_in)}


def _declared_in(module: ModuleType) -> Iterator[Declared]:
    """The networks of a module; raises TypeError if there is none, or a name is not that of its file or entry point."""
    kinds = [kind for kind in vars(module).values() if isinstance(kind, type)]
    found: list[Declared] = [vars(kind)[_MARK] for kind in kinds if _MARK in vars(kind)]
    if not found:
        raise TypeError(f"module {module.__name__} declares no network")
    for declared in found:
        if declared.name not in own_names():
            raise TypeError(
                f"network '{declared.name}' of {module.__name__} must have the name of its file or entry point"
            )
        yield declared
