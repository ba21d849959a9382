"""Mask logits: one per weight of all convolutions and linear layers of a frozen network.

A weight is kept if its logit + logistic noise is positive, so with probability σ(logit) at any temperature
(Csordás et al., ICLR 2021, arXiv 2010.02066). The gradient passes the threshold straight through.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from core.errors import InputError
from core.models.representation import Representation
from core.pruning.channels import channels_of
from core.pruning.exclude import excluded, layers_of
from core.pruning.subnetwork import FixedMasks

Gradient = Literal["probability", "sample"]
Structure = Literal["weights", "channels"]

# Uniform numbers in [2⁻²⁵, 1 − 2⁻²⁴]: the logistic noise of 0 or 1 would be infinite.
_LOWEST, _HIGHEST = 2**-25, 1 - 2**-24

# On a CPU, temporaries of this size stay in the cache and are recycled; larger ones are newly mapped at each use, which
# costs more than the arithmetic.
_BLOCK = 1 << 20


class MaskedNetwork(nn.Module):
    """A frozen network under mask logits.

    The logits of all layers are one flat parameter, so a step needs one draw of noise, one vector of masked weights
    (the layers use views of it) and one tensor in the optimiser (`Adam(fused=True)` is the fastest, by far on a CPU).
    Weights of Conv2d, Linear and their subclasses are masked; a weight shared by layers is masked once. Biases, norms
    and other weights (such as the joint query-key-value projection of attention) are not masked.

    The values of the wrapped network do not change; its parameters no longer require gradients, and in training mode
    its BatchNorm statistics follow the sampled masks.

    Args:
        network: the trained network, on its device.
        init: initial logit.
        gradient: slope of the straight-through estimator: `sample` is s(1−s)/T with s = σ((logit + noise)/T) and the
            noise of the mask; `probability` is p(1−p) with p = σ(logit), cheaper and noise-free.
        temperature: T > 0; affects only the gradient of `sample`.
        exclude: layers that are not masked, as in `maskable_weights`.
        structure: `weights` has a logit for every weight; `channels` has one for every output channel of the
            convolutions of `channels_of`, shared by the weights, biases and BatchNorm parameters of the channel.

    Attributes:
        logits: parameter [m], in the order of the layers.
        weights: the frozen weights in the same order, [m] or, with channels, one for every masked parameter.
        shapes: name of each masked parameter → its shape.

    Raises:
        InputError: a name in `exclude` matches no maskable layer (with the closest name), or nothing is left to mask.
        ValueError: the temperature is not positive, or the gradient is unknown.
    """

    weights: Tensor
    _units: Tensor | None

    def __init__(
        self,
        network: nn.Module,
        *,
        init: float = 2.0,
        gradient: Gradient = "probability",
        temperature: float = 1.0,
        exclude: Sequence[str] = (),
        structure: Structure = "weights",
    ) -> None:
        super().__init__()
        if gradient not in ("probability", "sample"):
            raise ValueError(f"unknown gradient {gradient!r}")
        if temperature <= 0:
            raise ValueError(f"temperature {temperature} is not positive")
        masked, units = gated_channels(network, exclude) if structure == "channels" else (None, None)
        masked = masked or maskable_weights(network, exclude)
        self.network = network.requires_grad_(False)
        self.gradient: Gradient = gradient
        self.temperature = temperature
        self.shapes = {name: weight.shape for name, weight in masked.items()}
        self._sizes = [weight.numel() for weight in masked.values()]
        self._representation = Representation(network)
        self.register_buffer("weights", torch.cat([w.detach().flatten() for w in masked.values()]), persistent=False)
        self.register_buffer("_units", None if units is None else units.to(self.weights.device), persistent=False)
        count = len(self.weights) if units is None else int(units[-1]) + 1
        self.logits = nn.Parameter(self.weights.new_full((count,), init))
        self.register_load_state_dict_post_hook(_follow_network)  # type: ignore[no-untyped-call]

    def sample(self, generator: torch.Generator) -> dict[str, Tensor]:
        """Sample masks and return the masked weights by name, with a gradient to the logits.

        Args:
            generator: for the noise, on the device of the logits.
        """
        temperature = self.temperature if self.gradient == "sample" else None
        views = _SampledWeights.apply(
            self.logits, self.weights, self._units, self.shapes.values(), generator, temperature
        )
        return dict(zip(self.shapes, views, strict=True))

    def forward(self, images: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Run the network with newly sampled masks.

        Args:
            images: [n, channels, height, width].
            generator: for the noise, on the device of the logits.

        Returns:
            Class logits [n, classes] and representation [n, d].
        """
        return self.under(self.sample(generator), images)

    def under(self, weights: Mapping[str, Tensor], images: Tensor) -> tuple[Tensor, Tensor]:
        """Run the network with masked weights by name, as returned by `sample`; returns the same as `forward`."""
        return self._representation(images, weights)

    def hard(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Run the network with the weights whose logit is ≥ 0; returns the same as `forward`, without gradient."""
        with torch.no_grad():
            return self._representation(images, self._kept_weights())

    def hard_masks(self) -> dict[str, Tensor]:
        """Thresholded masks: name of the parameter → boolean tensor of its shape, true where kept."""
        keep = self.logits.detach() >= 0
        parts = torch.split(keep if self._units is None else keep[self._units], self._sizes)
        return {name: part.view(shape) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)}

    def keep_ratio(self) -> float:
        """Share of all masked weights that are kept (waits for the device)."""
        return FixedMasks(self.hard_masks()).keep_ratio()

    def layer_keep_ratios(self) -> dict[str, float]:
        """Share of weights kept by layer name, in the order of the layers (waits for the device)."""
        return FixedMasks(self.hard_masks()).layer_keep_ratios()

    def subnetwork_state(self) -> dict[str, Tensor]:
        """Copy of the plain network's state with masked weights set to zero, for its `load_state_dict`."""
        kept = self._kept_weights()
        state: dict[str, Tensor] = {k: v.detach().clone() for k, v in self.network.state_dict().items()}
        named = list(self.network.named_parameters(remove_duplicate=False))
        of = {id(parameter): kept[name] for name, parameter in reversed(named) if name in kept}
        return state | {name: of[id(parameter)] for name, parameter in named if id(parameter) in of}

    def add_sparsity_gradient(self, weight: float | Tensor) -> None:
        """Add the gradient of `weight` · Σ logits, which is `weight` everywhere, to the gradient of the logits.

        Call it between the backward pass and the optimiser's step; it saves computing the sum.
        """
        if self.logits.grad is None:
            self.logits.grad = torch.zeros_like(self.logits)
        self.logits.grad.add_(weight)

    def _kept_weights(self) -> dict[str, Tensor]:
        parts = zip(self.hard_masks().items(), torch.split(self.weights, self._sizes), strict=True)
        return {name: part.view(mask.shape).where(mask, 0) for (name, mask), part in parts}


def maskable_weights(network: nn.Module, exclude: Sequence[str] = ()) -> dict[str, nn.Parameter]:
    """Weights of all Conv2d and Linear layers (and subclasses) by parameter name; shared weights once.

    Args:
        network: any network.
        exclude: layers to omit, as in `excluded`, with all weights that these share with others.

    Raises:
        InputError: a name matches no such layer (with the closest name), or nothing is left.
        ValueError: the weight of a layer is computed from other parameters (torch.nn.utils.parametrize).
    """
    left_out = {id(layer.weight) for layer in excluded(network, exclude)}
    named = {id(parameter): (name, parameter) for name, parameter in network.named_parameters()}
    found: dict[str, nn.Parameter] = {}
    for layer, module in layers_of(network):
        if id(module.weight) not in named:
            raise ValueError(f"the weight of '{layer}' is not a parameter; remove its parametrisation first")
        if id(module.weight) not in left_out:
            name, parameter = named[id(module.weight)]
            found[name] = parameter
    if not found:
        raise InputError("nothing is left to prune: all convolution and linear layers are excluded")
    return found


def gated_channels(network: nn.Module, exclude: Sequence[str] = ()) -> tuple[dict[str, nn.Parameter], Tensor]:
    """Parameters of all channels that can be cut, by name, and the number of the channel of each of their values.

    Args:
        network: any network.
        exclude: layers to omit, as in `excluded`.

    Raises:
        InputError: no channels can be cut, or a name in `exclude` matches no layer.
    """
    found: dict[str, nn.Parameter] = {}
    units, first = [], 0
    for channels in channels_of(network, exclude):
        for name, parameter in channels.gated(network):
            found[name] = parameter
            count = len(parameter)
            units.append(torch.arange(first, first + count).repeat_interleave(parameter.numel() // count))
        first += count
    return found, torch.cat(units)


def _follow_network(module: nn.Module, _: Any) -> None:
    """Update the flat copy of the weights after loading a state."""
    assert isinstance(module, MaskedNetwork)
    parts = [module.network.get_parameter(name).detach().flatten() for name in module.shapes]
    torch.cat(parts, out=module.weights)


class _SampledWeights(torch.autograd.Function):
    """Masked weights as views of one vector; straight-through gradient to the logits."""

    @staticmethod
    def forward(
        ctx: Any,
        logits: Tensor,
        weights: Tensor,
        units: Tensor | None,
        shapes: Sequence[torch.Size],
        generator: torch.Generator,
        temperature: float | None,
    ) -> tuple[Tensor, ...]:
        """Sample the masks.

        Args:
            ctx: for the backward pass.
            logits: [m].
            weights: [n].
            units: number of the logit of each weight, int64 [n]; None for one logit per weight.
            shapes: of the masked parameters.
            generator: for the noise.
            temperature: of the slope of the sample; None for the slope of the probability.
        """
        noisy = torch.empty_like(logits).uniform_(_LOWEST, _HIGHEST, generator=generator)
        noisy.logit_().add_(logits)  # log u − log(1−u) is logistic noise
        ctx.temperature = temperature
        if temperature is None:
            ctx.save_for_backward(logits, weights, units)
        else:
            ctx.save_for_backward(noisy / temperature, weights, units)
        kept = noisy.gt_(0)
        masked = (kept if units is None else kept[units]).mul_(weights)
        parts = torch.split(masked, [shape.numel() for shape in shapes])
        return tuple(part.view(shape) for part, shape in zip(parts, shapes, strict=True))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Multiply the gradient of the masked weights by the frozen weights and the slope of the sigmoid."""
        argument, weights, units = ctx.saved_tensors
        slope = torch.cat([g.reshape(-1) for g in gradients])
        if units is not None:
            slope = torch.zeros_like(argument).index_add_(0, units, slope.mul_(weights))
            weights = torch.ones_like(argument)
        block = _BLOCK if slope.device.type == "cpu" else slope.numel()
        for g, a, w in zip(*(torch.split(t, block) for t in (slope, argument, weights)), strict=True):
            torch.ops.aten.sigmoid_backward.grad_input(g.mul_(w), a.sigmoid(), grad_input=g)
        if ctx.temperature is not None:
            slope.div_(ctx.temperature)
        return slope, None, None, None, None, None
