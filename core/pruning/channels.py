"""Structured pruning: whole output channels of convolutions, and the dense network without them."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from core.errors import InputError
from core.pruning.exclude import excluded

_KEEP_ZERO = (
    nn.ReLU,
    nn.ReLU6,
    nn.LeakyReLU,
    nn.GELU,
    nn.SiLU,
    nn.Hardswish,
    nn.Dropout,
    nn.Dropout2d,
    nn.Identity,
    nn.MaxPool2d,
    nn.AvgPool2d,
    nn.AdaptiveAvgPool2d,
    nn.AdaptiveMaxPool2d,
    nn.Flatten,
)
"""Layers that map a channel of zeros to zeros, each channel on its own."""
_FUNCTIONS = (torch.flatten, torch.relu, F.relu, F.gelu, F.max_pool2d, F.avg_pool2d, F.adaptive_avg_pool2d)
_METHODS = ("flatten", "relu")


@dataclass(frozen=True, slots=True)
class Channels:
    """A convolution whose output channels can be cut.

    Attributes:
        conv: its name.
        norm: name of the BatchNorm after it; empty if there is none.
        after: name of the only layer that reads its channels, a convolution or a linear layer.
    """

    conv: str
    norm: str
    after: str

    def gated(self, network: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
        """The parameters that are zero in a channel that is cut: then it is zero everywhere behind the activation."""
        for layer in (self.conv, self.norm) if self.norm else (self.conv,):
            for name, parameter in network.get_submodule(layer).named_parameters(recurse=False):
                yield f"{layer}.{name}", parameter


def channels_of(network: nn.Module, exclude: Sequence[str] = ()) -> tuple[Channels, ...]:
    """Find the convolutions whose channels can be cut.

    Their output leads, through BatchNorm and layers that keep zeros, to one convolution or linear layer only. In a
    residual network these are the inner convolutions of each block.

    Args:
        network: any network that torch.fx can trace.
        exclude: layers that are left alone, as in `excluded`.

    Raises:
        InputError: there is none, or a name in `exclude` matches no layer.
    """
    try:
        graph = fx.symbolic_trace(network).graph
    except Exception:  # a network may do anything
        raise _refused(network, "torch.fx cannot trace it") from None
    modules, alone = dict(network.named_modules()), set[nn.Module](excluded(network, exclude))
    calls = [node for node in graph.nodes if node.op == "call_module"]
    once = {str(n.target) for n in calls if sum(other.target == n.target for other in calls) == 1}
    found: list[Channels] = []
    for node in calls:
        name = str(node.target)
        left_out = modules[name] in alone
        if isinstance(modules[name], nn.Conv2d) and modules[name].groups == 1 and name in once and not left_out:
            found += _followed(node, modules, once)
    if not found:
        raise _refused(
            network, "no convolution leads to one other layer alone, through BatchNorm, activations and pooling"
        )
    return tuple(found)


def cut(network: nn.Module, kept: Mapping[str, Tensor]) -> nn.Module:
    """Return a smaller dense copy of a network, without the channels that are not kept.

    Args:
        network: whose cut channels are zero.
        kept: name of a convolution of `channels_of` → bool [channels]. Of a convolution without any, one channel stays.
    """
    small = copy.deepcopy(network)
    for channels in channels_of(network):
        if channels.conv not in kept:
            continue
        rows = kept[channels.conv].nonzero()[:, 0]
        rows = rows if len(rows) else torch.zeros(1, dtype=torch.int64)
        conv, after = small.get_submodule(channels.conv), small.get_submodule(channels.after)
        assert isinstance(conv, nn.Conv2d)
        before = conv.out_channels
        _take(conv, rows, ("weight", "bias"))
        conv.out_channels = len(rows)
        if channels.norm:
            norm = small.get_submodule(channels.norm)
            assert isinstance(norm, nn.BatchNorm2d)
            _take(norm, rows, ("weight", "bias", "running_mean", "running_var"))
            norm.num_features = len(rows)
        if isinstance(after, nn.Conv2d):
            after.weight = nn.Parameter(after.weight.detach()[:, rows])
            after.in_channels = len(rows)
        else:
            assert isinstance(after, nn.Linear)  # it may read several places of each channel
            places = after.weight.detach().unflatten(1, (before, -1))
            after.weight = nn.Parameter(places[:, rows].flatten(1))
            after.in_features = after.weight.shape[1]
    return small


def kept_channels(network: nn.Module, masks: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Which channels masks of whole channels keep: name of a convolution → bool [channels]."""
    convs = (channels.conv for channels in channels_of(network))
    return {conv: masks[f"{conv}.weight"].flatten(1).any(1) for conv in convs if f"{conv}.weight" in masks}


def permuted_channels(network: nn.Module, masks: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
    """Masks of whole channels with the channels of every convolution in random order, so that each keeps as many.

    Args:
        network: of the masks.
        masks: name of a parameter → boolean tensor of its shape, the same for all parameters of a channel.
        generator: on the CPU, as the masks.
    """
    found: dict[str, Tensor] = {}
    for channels in channels_of(network):
        names = [name for name, _ in channels.gated(network) if name in masks]
        if names:  # none if the convolution was left alone
            order = torch.randperm(len(masks[names[0]]), generator=generator)
            found |= {name: masks[name][order] for name in names}
    return found


def with_channels(network: nn.Module, counts: Mapping[str, int]) -> nn.Module:
    """Return a copy with other numbers of channels, for `load_state_dict` of a network made by `cut`.

    Args:
        network: of the original size.
        counts: name of a convolution → number of its output channels.
    """
    sizes = {conv: len(network.get_parameter(f"{conv}.weight")) for conv in counts}
    return cut(network, {conv: torch.arange(sizes[conv]) < count for conv, count in counts.items()})


def _followed(start: fx.Node, modules: Mapping[str, nn.Module], once: set[str]) -> Iterator[Channels]:
    """Follow the output of a convolution to the layer that reads it; nothing if it does not lead to one alone."""
    node, norm = start, ""
    while len(node.users) == 1:
        node = next(iter(node.users))
        layer = modules.get(str(node.target)) if node.op == "call_module" else None
        name = str(node.target)
        if name not in once and isinstance(layer, nn.BatchNorm2d | nn.Conv2d | nn.Linear):
            return
        if isinstance(layer, nn.BatchNorm2d) and not norm and layer.affine and layer.track_running_stats:
            norm = name
        elif isinstance(layer, nn.Linear) or (isinstance(layer, nn.Conv2d) and layer.groups == 1):
            yield Channels(str(start.target), norm, name)
            return
        elif not (
            isinstance(layer, _KEEP_ZERO)
            or (node.op == "call_function" and node.target in _FUNCTIONS)
            or (node.op == "call_method" and node.target in _METHODS)
        ):
            return


def _take(layer: nn.Module, rows: Tensor, names: Sequence[str]) -> None:
    for name in names:
        old = getattr(layer, name)
        if old is not None:
            new = old.detach()[rows.to(old.device)].clone()
            setattr(layer, name, nn.Parameter(new) if isinstance(old, nn.Parameter) else new)


def _refused(network: nn.Module, why: str) -> InputError:
    return InputError(
        f"no channels of {type(network).__name__} can be pruned: {why}; use prune.structure=weights or another network"
    )
