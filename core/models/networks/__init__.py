"""Networks by name: our own, one file each, those of installed packages, and torchvision's classifiers.

A network of our own is a class in a file of this folder, declared with `@network`; the file is called as the network,
with `_` for `-`. An installed package names such a module by an entry point of the group `prusc_tui.networks`, which is
called as the network.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar

from torch import nn

from core import discovery
from core.errors import InputError, nearest
from core.models.names import GROUP, PACKAGE, own_names
from core.models.networks import _torchvision as torchvision

Kind = TypeVar("Kind", bound=type[nn.Module])

_MARK = "_declared_network"
"""Attribute of a class that holds its declaration."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a network is made for.

    Attributes:
        outputs: number of labels; 1 for the one logit that tells two labels apart.
        channels: channels of the images.
        size: height and width of the images.
        hidden: units of each hidden layer, of a network that can have any number.
    """

    outputs: int
    channels: int
    size: tuple[int, int]
    hidden: int


@dataclass(frozen=True, slots=True)
class Declared:
    """A network of our own, or of an installed package.

    Attributes:
        name: as in the settings.
        kind: its class.
        arguments: the arguments of its constructor, by name.
        channels: the only number of channels that it takes; None where it takes any.
    """

    name: str
    kind: type[nn.Module]
    arguments: Callable[[Wanted], dict[str, Any]]
    channels: int | None


def network(
    name: str, arguments: Callable[[Wanted], dict[str, Any]], *, channels: int | None = None
) -> Callable[[Kind], Kind]:
    """Declare a class as the network called `name`; its attributes are those of `Declared`."""

    def declare(kind: Kind) -> Kind:
        setattr(kind, _MARK, Declared(name, kind, arguments, channels))
        return kind

    return declare


def names() -> list[str]:
    """Names that `build` knows: our own first, then torchvision's classifiers with a linear head."""
    return [*_declared(), *torchvision.names()]


def likely(channels: int) -> list[str]:
    """Names of networks that a file of weights may well be of, the likeliest first."""
    ours = [declared.name for declared in _declared().values() if declared.channels in (None, channels)]
    return [*(torchvision.LIKELY if channels == torchvision.CHANNELS else ()), *ours]


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
    ours = _declared()
    known = names()
    if name not in known:
        raise InputError(f"unknown network '{name}'{nearest(name, known)} (known: {', '.join(ours)} and torchvision's)")
    declared = ours.get(name)
    takes = torchvision.CHANNELS if declared is None else declared.channels
    if takes not in (None, channels):
        others = " or ".join(other.name for other in ours.values() if other.channels is None)
        raise InputError(f"network '{name}' takes images of {takes} channels, not {channels}; use {others}")
    if declared is None:
        return torchvision.build(name, outputs)
    return declared.kind(**declared.arguments(Wanted(outputs, channels, size, hidden)))


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


def _declared() -> dict[str, Declared]:
    """Name of every network that is declared → the declaration."""
    return {declared.name: declared for declared in discovery.declared(PACKAGE, GROUP, _declared_in)}


def _declared_in(module: ModuleType) -> Iterator[Declared]:
    """The networks of a module.

    Raises:
        TypeError: there is none, or one that is not called as its file or entry point.
    """
    kinds = [kind for kind in vars(module).values() if isinstance(kind, type)]
    found: list[Declared] = [vars(kind)[_MARK] for kind in kinds if _MARK in vars(kind)]
    if not found:
        raise TypeError(f"module {module.__name__} declares no network")
    for declared in found:
        if declared.name not in own_names():
            raise TypeError(f"network '{declared.name}' of {module.__name__} is not called as its file or entry point")
        yield declared
