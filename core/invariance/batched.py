"""Many networks of one architecture as one model: all restarts and penalty weights of a sweep as members."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from core.models.networks.mlp import Mlp, fast

Parameters = Mapping[str, Tensor]

LANES = 32
"""Rows of parameters are padded to a multiple of this: more numbers than a CPU vector or a GPU load holds."""


class Members:
    """Independent networks that differ only in their weights.

    On a GPU all run as one batched product. On a CPU they run one after another within a step, which keeps their
    activations in the cache: for ten small networks, batched products are at least a tenth slower. Passing `together`
    overrides this.

    `build` makes a network with torch's global generator, which is seeded for each member and then restored, so the
    initial weights of a member do not depend on the others.

    Attributes:
        values: all parameters, one row per member, [members, size]; its `grad` is filled by `set_grad`.
        parameters: name → parameter of all members, [members, …], a view of `values`.

    Raises ValueError without seeds, or for a network with buffers, such as BatchNorm's running means.
    """

    def __init__(
        self,
        build: Callable[[], nn.Module],
        seeds: Sequence[int],
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        together: bool | None = None,
    ) -> None:
        if not seeds:
            raise ValueError("at least one seed is needed")
        networks = [_seeded(build, seed) for seed in seeds]
        if any(True for _ in networks[0].buffers()):
            raise ValueError(f"{type(networks[0]).__name__} has buffers, which members cannot share")
        sizes = [p.numel() for p in networks[0].parameters()]
        # With padded rows, results of the optimiser do not depend on the position of a row.
        row = -(-sum(sizes) // LANES) * LANES
        self.values = torch.zeros(len(seeds), row, device=device, dtype=dtype)
        self.values.grad = torch.zeros_like(self.values)
        shapes = {name: p.shape for name, p in networks[0].named_parameters()}
        self.parameters: dict[str, Tensor] = _views(self.values, shapes)
        self._gradients = _views(self.values.grad, shapes)
        for i, network in enumerate(networks):
            for name, p in network.named_parameters():
                self.parameters[name][i] = p.detach()
        self.seeds = tuple(seeds)
        self.device = self.values.device
        self._together = self.device.type != "cpu" if together is None else together
        self._shape = networks[0].to("meta")
        self._build = build

    def __len__(self) -> int:
        return len(self.seeds)

    def chunks(self) -> Iterator[slice]:
        """Chunks of members that run together."""
        size = len(self) if self._together else 1
        return (slice(start, start + size) for start in range(0, len(self), size))

    def prepared(self, x: Tensor) -> Tensor:
        """Convert images to the fastest layout for the members; idempotent, so once is enough."""
        if not isinstance(self._shape, Mlp):
            return x
        return x.flatten(1) if self._together else fast(x)

    def forward(self, x: Tensor, parameters: Parameters) -> Tensor:
        """Logits, [members, n] for a binary head or [members, n, classes], of the same images, from `prepared`.

        The parameters are name → values, [members, …].
        """
        if not self._together:
            count = len(next(iter(parameters.values())))
            if count > 1:
                each = [{name: p[i, None] for name, p in parameters.items()} for i in range(count)]
                return torch.cat([self.forward(x, one) for one in each])
            # An index would fill a tensor of zeros on the way back, and copy the gradient into it.
            return self._one(x, {k: p.squeeze(0) for k, p in parameters.items()})[None]
        if isinstance(self._shape, Mlp):
            return self._shape.stacked(parameters, x)
        logits: Tensor = vmap(lambda p: self._one(x, p), randomness="error")(dict(parameters))
        return logits

    def leaves(self, members: slice) -> dict[str, Tensor]:
        """Parameters of some members as leaves of a new graph; they share memory with `values`."""
        return {name: p[members].detach().requires_grad_() for name, p in self.parameters.items()}

    def set_grad(self, members: slice, gradients: Sequence[Tensor]) -> None:
        """Store the gradients of some members, in the order of `parameters`, in the `grad` of `values`."""
        for target, gradient in zip(self._gradients.values(), gradients, strict=True):
            target[members] = gradient

    @torch.no_grad()
    def logits(self, x: Tensor, batch: int = 10_000) -> Tensor:
        """Logits of all members on images x [n, …], in batches without gradients: [members, n(, classes)]."""
        parts = [
            torch.cat([self.forward(self.prepared(part), self._values(c)) for c in self.chunks()])
            for part in x.split(batch)
        ]
        return torch.cat(parts, dim=1)

    @torch.no_grad()
    def load(self, networks: Sequence[Parameters]) -> None:
        """Copy the parameters of every member, name → values."""
        for member, network in enumerate(networks):
            for name, values in network.items():
                self.parameters[name][member] = values

    def network(self, member: int) -> nn.Module:
        """One member as a separate network in evaluation mode, with copies of the weights."""
        network = _seeded(self._build, self.seeds[member]).to(self.device, self.values.dtype)
        network.load_state_dict({name: p[member] for name, p in self.parameters.items()})
        return network.eval()

    def _values(self, members: slice) -> dict[str, Tensor]:
        return {name: p[members] for name, p in self.parameters.items()}

    def _one(self, x: Tensor, parameters: Parameters) -> Tensor:
        logits: Tensor = functional_call(self._shape, dict(parameters), (x,))
        return logits


def _views(rows: Tensor, shapes: Mapping[str, torch.Size]) -> dict[str, Tensor]:
    ends = list(accumulate(shape.numel() for shape in shapes.values()))
    return {
        name: rows[:, end - shape.numel() : end].unflatten(1, shape)
        for (name, shape), end in zip(shapes.items(), ends, strict=True)
    }


def _seeded(build: Callable[[], nn.Module], seed: int) -> nn.Module:
    before = torch.get_rng_state()
    torch.default_generator.manual_seed(seed)
    try:
        return build()
    finally:
        torch.set_rng_state(before)
