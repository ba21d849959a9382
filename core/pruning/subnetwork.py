"""A subnetwork with fixed masks, for fine-tuning."""

from collections.abc import Mapping
from pathlib import Path
from typing import Self

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn


class FixedMasks:
    """Fixed masks.

    Args:
        masks: name of a parameter → boolean tensor of its shape, true where the weight is kept.

    Raises:
        ValueError: there is no mask, or a mask is not boolean.
    """

    def __init__(self, masks: Mapping[str, Tensor]) -> None:
        if not masks or any(mask.dtype != torch.bool for mask in masks.values()):
            raise ValueError("masks must be one or more boolean tensors")
        self.masks = dict(masks)

    @torch.no_grad()
    def apply_(self, network: nn.Module) -> None:
        """Set the masked weights to zero, in place.

        Call it once before training and after each step of the optimiser: momentum, weight decay and Adam's averages
        would otherwise revive masked weights.

        Args:
            network: has every masked parameter, with the shape of its mask.

        Raises:
            ValueError: a parameter is missing or has another shape.
        """
        parameters = dict(network.named_parameters())
        for name, mask in self.masks.items():
            if name not in parameters or parameters[name].shape != mask.shape:
                raise ValueError(f"the network has no parameter '{name}' of shape {tuple(mask.shape)}")
        torch._foreach_mul_([parameters[name] for name in self.masks], list(self.masks.values()))

    def to(self, device: torch.device | str) -> Self:
        """Return the same masks on `device`."""
        return type(self)({name: mask.to(device) for name, mask in self.masks.items()})

    def dense(self, layer: str) -> Self:
        """Return the same masks, but with every weight of `layer` kept."""
        name = f"{layer}.weight"
        changed = {name: torch.ones_like(self.masks[name])} if name in self.masks else {}
        return type(self)({**self.masks, **changed})

    def permuted(self, generator: torch.Generator) -> Self:
        """Return masks with the entries of every layer in random order, so that each keeps its keep ratio.

        Args:
            generator: on the CPU, as the masks.
        """
        orders = ((name, mask, torch.randperm(mask.numel(), generator=generator)) for name, mask in self.masks.items())
        return type(self)({name: mask.flatten()[order].view(mask.shape) for name, mask, order in orders})

    def keep_ratio(self) -> float:
        """Share of all masked weights that are kept; biases and norms of masked channels do not count."""
        return sum(self._kept()) / sum(mask.numel() for mask in self._weights.values())

    def layer_keep_ratios(self) -> dict[str, float]:
        """Share of weights kept by layer name, in the order of the masks."""
        named = zip(self._weights.items(), self._kept(), strict=True)
        return {name.removesuffix(".weight"): kept / mask.numel() for (name, mask), kept in named}

    def save(self, path: Path) -> None:
        """Write the masks as safetensors, one boolean tensor per name."""
        save_file({name: mask.contiguous() for name, mask in self.masks.items()}, path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file of `save` onto the CPU."""
        return cls(load_file(path))

    @property
    def _weights(self) -> dict[str, Tensor]:
        """Masks of the weights of layers, which have two dimensions or more."""
        return {name: mask for name, mask in self.masks.items() if mask.dim() > 1}

    def _kept(self) -> list[int]:
        kept: list[int] = torch.stack([mask.sum() for mask in self._weights.values()]).tolist()
        return kept
