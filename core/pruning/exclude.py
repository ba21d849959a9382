"""Layers that are never pruned, by name or by kind."""

from collections.abc import Callable, Mapping, Sequence

from torch import nn

from core.errors import InputError, nearest

Layer = nn.Conv2d | nn.Linear


def excluded(network: nn.Module, words: Sequence[str]) -> list[Layer]:
    """Convolutions and linear layers (and subclasses) that the words cover.

    Args:
        network: any network.
        words: names, which include their sublayers, or the words `first` (the first convolution) and `depthwise` (all
            depthwise convolutions, if any).

    Raises:
        InputError: a name matches no such layer (with the closest name).
    """
    layers = layers_of(network)
    found: list[Layer] = []
    for word in words:
        covered = [layer for name, layer in layers if name == word or name.startswith(f"{word}.")]
        if not covered and word in KINDS:
            covered = list(KINDS[word]([layer for _, layer in layers]))
        elif not covered:
            raise InputError(
                f"cannot exclude '{word}' from pruning: it is not a convolution or linear layer"
                f"{nearest(word, [name for name, _ in layers])}"
            )
        found += covered
    return found


def layers_of(network: nn.Module) -> list[tuple[str, Layer]]:
    """All convolutions and linear layers (and subclasses) with their names; a shared one under each of its names."""
    return [(name, layer) for name, layer in network.named_modules(remove_duplicate=False) if isinstance(layer, Layer)]


def _first(layers: Sequence[Layer]) -> Sequence[Layer]:
    return [layer for layer in layers if isinstance(layer, nn.Conv2d)][:1]


def _depthwise(layers: Sequence[Layer]) -> Sequence[Layer]:
    return [layer for layer in layers if isinstance(layer, nn.Conv2d) and layer.groups == layer.in_channels > 1]


KINDS: Mapping[str, Callable[[Sequence[Layer]], Sequence[Layer]]] = {"first": _first, "depthwise": _depthwise}
"""Words for layers that a pretrained network hardly works without: few weights, each used by everything after it."""
