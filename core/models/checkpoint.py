"""Load externally trained networks: find the state dict in a file and fit it to a network."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from core.errors import InputError
from core.models.files import State, read_states
from core.models.representation import find_head
from core.runs.text import safe_text

LISTED = 5
"""Maximum number of keys of a kind in an error message."""

_COUNTERS = ".num_batches_tracked"
"""Suffix of BatchNorm's step counters, which are missing in old files and not used here."""
_OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)")
"""Old-style names with dots in torchvision's DenseNet files."""
_AUXILIARY = re.compile(r"(?:aux1|aux2|AuxLogits)\.")
"""Auxiliary heads of GoogLeNet and Inception, which networks here do not have."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Comparison of a state dict in a file with a network, or of the weights loaded from it.

    Attributes:
        key: dotted key of the state dict in its file; empty at the top level.
        prefix: removed from the names in the file.
        head: name of the network's last linear layer.
        tensors: matching tensors, by the network's names.
        missing: names that only the network has, and `unexpected` those that only the state dict has.
        misshapen: name → (shape in the file, shape in the network).
        left_out: number of tensors of modules beside a complete network: projectors, metrics, copies.
    """

    file: Path
    key: str
    prefix: str
    head: str
    tensors: State
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    misshapen: dict[str, tuple[torch.Size, torch.Size]]
    left_out: int = 0

    @property
    def problems(self) -> int:
        """Number of names that do not match."""
        return len(self.missing) + len(self.unexpected) + len(self.misshapen)

    @property
    def of_head(self) -> set[str]:
        """Names of the tensors of the head."""
        return {f"{self.head}.weight", f"{self.head}.bias"}

    @property
    def all_but_head(self) -> bool:
        """Whether everything matches, except perhaps the head."""
        return not self.unexpected and {*self.missing, *self.misshapen} <= self.of_head

    @property
    def fresh_head(self) -> bool:
        """Whether the head was not loaded."""
        return bool(self.of_head & {*self.missing, *self.misshapen})

    def __str__(self) -> str:
        where = f" under '{safe_text(self.key)}'" if self.key else ""
        prefix = f", without the prefix '{safe_text(self.prefix)}'" if self.prefix else ""
        head = f"; the head '{self.head}' starts fresh" if self.fresh_head else ""
        are = "tensor of other modules is" if self.left_out == 1 else "tensors of other modules are"
        others = f"; {self.left_out:,} {are} left out" if self.left_out else ""
        return f"{len(self.tensors):,} tensors from {safe_text(str(self.file))}{where}{prefix}{head}{others}"


class Misfit(InputError):
    """A file of weights that does not match the network."""


def load_foreign(file: Path, network: nn.Module, *, fresh_head: bool = False) -> Fit:
    """Load the weights of an externally trained network, from any key of the file and with any prefix.

    The file is safetensors, or of torch.save with a state dict at the top or under a key such as `state_dict`. The
    network receives the weights in place; with `fresh_head`, it keeps its head if that of the file is missing or has
    another size. Raises InputError if the file cannot be read without unpickling, or does not match; the message lists
    missing, unexpected and misshapen names.
    """
    found = fit_file(file, network, fresh_head=fresh_head)
    network.load_state_dict(found.tensors, strict=False)
    return found


def fit_file(file: Path, network: nn.Module, *, fresh_head: bool = False) -> Fit:
    """Like `load_foreign`, but load nothing; the network may be on `meta`.

    Raises InputError as `load_foreign`; a `Misfit` if the file is of another network.
    """
    found = min((fit(state, network, file, key) for key, state in read_states(file)), key=lambda one: one.problems)
    if found.misshapen and found.all_but_head and not fresh_head:
        ours, theirs = (shapes[0] for shapes in zip(*found.misshapen.values(), strict=True))
        raise InputError(
            f"{file}: its head '{found.head}' has {ours[0]:,} outputs instead of {theirs[0]:,}, one per label; "
            "use it as initial weights with a fresh head (--weights)"
        )
    if found.missing and found.all_but_head and not fresh_head:
        raise InputError(
            f"{file}: does not match the network: missing {_listed(found.missing)}, which is its head; "
            "use it as initial weights with a fresh head (--weights)"
        )
    if sentence := _sentence(found, found.of_head if fresh_head else set()):
        raise Misfit(f"{file}: {sentence}")
    for name, tensor in found.tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise InputError(f"{file}: '{safe_text(name)}' holds NaN or infinity; use an earlier checkpoint")
    return found


def network_of(file: Path, networks: Iterable[tuple[str, nn.Module]]) -> str:
    """Name of the first network that matches a file, except perhaps for the head; empty if none does.

    The networks, with their names, may be on `meta`. Raises InputError if the file cannot be read.
    """
    states = read_states(file)
    for name, network in networks:
        if any(fit(state, network, file).all_but_head for _, state in states):
            return name
    return ""


def fit(state: State, network: nn.Module, file: Path, key: str = "") -> Fit:
    """Compare a state dict with a network, after removing the prefix with which most names match.

    Beside a network that is complete but for its head, the file may have modules that the network does not have.
    """
    wanted: dict[str, Tensor] = network.state_dict()
    state = {_OLD_DENSENET.sub(r"\1\2", name): tensor for name, tensor in state.items()}
    state = _named_children(state, wanted, [name for name, _ in network.named_children()])
    prefix = _prefix(state, wanted)
    inside = {name.removeprefix(prefix): name for name in state if name.startswith(prefix)}
    # A head may be beside a `backbone.`, under its own name.
    beside = {name: name for name in state if name in wanted and name not in inside}
    named = {**beside, **{name: whole for name, whole in inside.items() if name in wanted}}
    named |= _head_elsewhere(state, wanted, named, find_head(network)[0])
    missing = tuple(name for name in wanted if name not in named and not name.endswith(_COUNTERS))
    taken = {*named.values()}
    if hasattr(network, "aux_logits"):
        taken |= {name for name in state if _AUXILIARY.match(name.removeprefix(prefix))}
    unexpected = [name for name in state if name not in taken]
    here = {name: state[named[name]] for name in wanted if name in named}
    misshapen = {
        name: (tensor.shape, wanted[name].shape) for name, tensor in here.items() if tensor.shape != wanted[name].shape
    }
    tensors = {name: tensor.detach() for name, tensor in here.items() if name not in misshapen}
    head, others = find_head(network)[0], 0
    if {*missing, *misshapen} <= {f"{head}.weight", f"{head}.bias"}:
        own = tuple(f"{prefix}{name}." for name, _ in network.named_children())
        inside_network = [n for n in unexpected if n.startswith(own) and not n.startswith(f"{prefix}{head}.")]
        others, unexpected = len(unexpected) - len(inside_network), inside_network
    return Fit(file, key, prefix, head, tensors, missing, tuple(unexpected), misshapen, others)


def _named_children(state: State, wanted: Iterable[str], children: Sequence[str]) -> State:
    """The state dict with the names of the network, if that of the file was `nn.Sequential(*network.children())`."""
    places = {name: place for place, name in enumerate(children)}
    numbered = {}
    for name in wanted:
        child, _, rest = name.partition(".")
        numbered[f"{places[child]}.{rest}" if child in places else name] = name
    prefix = _prefix(state, numbered)
    renamed = {name: numbered.get(name[len(prefix) :], name) for name in state if name.startswith(prefix)}
    known = frozenset(numbered.values())
    plain = _prefix(state, known)
    if sum(name.removeprefix(plain) in known for name in state) >= sum(name in known for name in renamed.values()):
        return state
    return {renamed.get(name, name): tensor for name, tensor in state.items()}


def _head_elsewhere(state: State, wanted: State, named: Mapping[str, str], head: str) -> dict[str, str]:
    """Names of the network's head → names of a linear layer under another name, such as `network.1` of DomainBed.

    Empty if the head has been found, or if not exactly one layer of the file that the network does not have takes as
    many features; equal layers are one.
    """
    weight, bias = f"{head}.weight", f"{head}.bias"
    if weight in named:
        return {}
    taken, features = {*named.values()}, wanted[weight].shape[1:]
    layers = [
        name.removesuffix(".weight")
        for name, tensor in state.items()
        if name not in taken and name.endswith(".weight") and tensor.dim() == 2 and tensor.shape[1:] == features
    ]
    if not layers or any(not torch.equal(state[f"{layers[0]}.weight"], state[f"{name}.weight"]) for name in layers[1:]):
        return {}
    own = {weight: f"{layers[0]}.weight", bias: f"{layers[0]}.bias"}
    return {name: there for name, there in own.items() if name in wanted and there in state}


def _prefix(names: Iterable[str], wanted: Iterable[str]) -> str:
    """Dotted prefix with which most of the wanted names occur; the shortest one on a tie."""
    known = frozenset(wanted)
    found = Counter(
        name[:start]
        for name in names
        for start in (0, *(i + 1 for i, letter in enumerate(name) if letter == "."))
        if name[start:] in known
    )
    return min(found, key=lambda prefix: (-found[prefix], len(prefix)), default="")


def _sentence(found: Fit, allowed: set[str]) -> str:
    """List of names that do not match, except the allowed ones; empty if all match."""
    shapes = [
        f"{safe_text(name)} {_shape(ours)} for {_shape(theirs)}"
        for name, (ours, theirs) in found.misshapen.items()
        if name not in allowed
    ]
    kinds = {
        "missing": [safe_text(name) for name in found.missing if name not in allowed],
        "unexpected": [safe_text(name) for name in found.unexpected],
        "of another shape": shapes,
    }
    parts = [f"{kind} {_listed(names)}" for kind, names in kinds.items() if names]
    return f"does not match the network: {'; '.join(parts)}; see model.name" if parts else ""


def _listed(names: Sequence[str]) -> str:
    more = f", … ({len(names):,} in all)" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def _shape(shape: torch.Size) -> str:
    return "×".join(map(str, shape)) or "scalar"
