"""Many networks of one shape as one model: all restarts and penalty weights of a sweep, the member first."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from core.models.networks.mlp import Mlp, fast

Parameters = Mapping[str, Tensor]

LANES = 32
"""Numbers that a row of parameters is a multiple of: more than a processor or a GPU's load takes at once."""


class Members:
    """Networks that differ in their weights only; what one computes does not depend on the others.

    On a GPU all run in one batched product. On a CPU they take turns within the step: ten small networks in a row keep
    their activations in the cache, where batched products of the same size are a tenth slower or more.

    Args:
        build: makes a network; drawn from torch's global generator, which is seeded anew for each and then put back.
        seeds: one for each member; a member starts with the same weights in any company.
        device: where the members live.
        dtype: of the weights.
        together: run all in one batched product, or in turn; by default as is faster on the device.

    Attributes:
        values: all parameters, a row for each member, [members, size]; its `grad` is what `set_grad` was given.
        parameters: name → that parameter of all members, [members, …], a view of `values`.

    Raises:
        ValueError: no seeds, or a network with buffers, such as BatchNorm's running means.
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
            raise ValueError("there must be a seed for at least one member")
        networks = [_seeded(build, seed) for seed in seeds]
        if any(True for _ in networks[0].buffers()):
            raise ValueError(f"{type(networks[0]).__name__} has buffers, which members cannot share")
        sizes = [p.numel() for p in networks[0].parameters()]
        # Rows of whole vectors: an optimiser then treats a number alike wherever its row lies.
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
        """Members that run together, one chunk after another."""
        size = len(self) if self._together else 1
        return (slice(start, start + size) for start in range(0, len(self), size))

    def prepared(self, x: Tensor) -> Tensor:
        """Images as the members take them fastest; what is already so comes back as it is, so once is enough."""
        if not isinstance(self._shape, Mlp):
            return x
        return x.flatten(1) if self._together else fast(x)

    def forward(self, x: Tensor, parameters: Parameters) -> Tensor:
        """Run members on images x [n, …] that are the same for all.

        Args:
            x: what `prepared` returns.
            parameters: name → values of these members, [these members, …].

        Returns:
            Logits, [these members, n] for a binary head, or [these members, n, classes].
        """
        if not self._together:
            return torch.stack(
                [self._one(x, {k: p[i] for k, p in parameters.items()}) for i in range(_count(parameters))]
            )
        if isinstance(self._shape, Mlp):
            return self._shape.stacked(parameters, x)
        logits: Tensor = vmap(lambda p: self._one(x, p), randomness="error")(dict(parameters))
        return logits

    def leaves(self, members: slice) -> dict[str, Tensor]:
        """Parameters of some members as leaves of a new graph; they share memory with the members'."""
        return {name: p[members].detach().requires_grad_() for name, p in self.parameters.items()}

    def set_grad(self, members: slice, gradients: Sequence[Tensor]) -> None:
        """Put the gradients of some members, in the order of `parameters`, into the `grad` of `values`."""
        for target, gradient in zip(self._gradients.values(), gradients, strict=True):
            target[members] = gradient

    @torch.no_grad()
    def logits(self, x: Tensor, batch: int = 10_000) -> Tensor:
        """Logits of all members on images x [n, …], batch by batch without gradients: [members, n(, classes)]."""
        parts = [
            torch.cat([self.forward(self.prepared(part), self._values(c)) for c in self.chunks()])
            for part in x.split(batch)
        ]
        return torch.cat(parts, dim=1)

    @torch.no_grad()
    def load(self, networks: Sequence[Parameters]) -> None:
        """Take over the parameters of every member, name → values."""
        for member, network in enumerate(networks):
            for name, values in network.items():
                self.parameters[name][member] = values

    def network(self, member: int) -> nn.Module:
        """One member as a network of its own, in evaluation mode; its weights are copies."""
        network = _seeded(self._build, self.seeds[member]).to(self.device, self.values.dtype)
        network.load_state_dict({name: p[member] for name, p in self.parameters.items()})
        return network.eval()

    def _values(self, members: slice) -> dict[str, Tensor]:
        return {name: p[members] for name, p in self.parameters.items()}

    def _one(self, x: Tensor, parameters: Parameters) -> Tensor:
        logits: Tensor = functional_call(self._shape, dict(parameters), (x,))
        return logits


def _views(rows: Tensor, shapes: Mapping[str, torch.Size]) -> dict[str, Tensor]:
    """The parameters that lie one after another in rows [members, size]: name → [members, …]."""
    ends = list(accumulate(shape.numel() for shape in shapes.values()))
    return {
        name: rows[:, end - shape.numel() : end].unflatten(1, shape)
        for (name, shape), end in zip(shapes.items(), ends, strict=True)
    }


def _count(parameters: Parameters) -> int:
    return len(next(iter(parameters.values())))


def _seeded(build: Callable[[], nn.Module], seed: int) -> nn.Module:
    before = torch.get_rng_state()
    torch.default_generator.manual_seed(seed)
    try:
        return build()
    finally:
        torch.set_rng_state(before)
