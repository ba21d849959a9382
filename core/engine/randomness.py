"""Named random streams: generators derived from (seed, names) and saved in checkpoints."""

import hashlib
from typing import Any

import torch

from core import gpu


def derive_seed(seed: int, *names: str) -> int:
    """Derive the seed of stream `names` from the run's seed: 63 bits of a hash, so that streams are independent."""
    text = "\x1f".join([str(seed), *names])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


class Streams:
    """The random streams of one stage, independent of those of other stages.

    Torch's global generators, used by layers such as dropout, are seeded and saved as well; in a team, those of each
    process are seeded differently, as each has other images.
    """

    def __init__(self, seed: int, stage: str, rank: int = 0) -> None:
        self._seed = seed
        self._stage = stage
        self._global = f"global-{rank}" if rank else "global"
        self._generators: dict[str, torch.Generator] = {}

    def seed(self, name: str) -> int:
        """Seed of stream `name`, for libraries that take a number."""
        return derive_seed(self._seed, self._stage, name)

    def generator(self, name: str, device: torch.device | str = "cpu") -> torch.Generator:
        """Return the generator of stream `name` on `device`, always the same object."""
        key = f"{name}@{torch.device(device).type}"
        if key not in self._generators:
            made = gpu.generator(torch.device(device)) if key.endswith("@cuda") else torch.Generator(device)
            self._generators[key] = made.manual_seed(self.seed(name))
        return self._generators[key]

    def seed_global(self, device: torch.device) -> None:
        """Seed torch's global generators of the CPU and of `device`."""
        torch.default_generator.manual_seed(self.seed(self._global))
        if device.type == "cuda":
            gpu.global_generator(device).manual_seed(self.seed(self._global))

    def state_dict(self, device: torch.device) -> dict[str, Any]:
        """State of all streams used so far and of the global generators."""
        return {"named": {key: g.get_state() for key, g in self._generators.items()}, **self.global_state(device)}

    def load_state_dict(self, state: dict[str, Any], device: torch.device) -> None:
        """Restore the state of `state_dict`."""
        for key, value in state["named"].items():
            name, _, kind = key.rpartition("@")
            self.generator(name, device if kind == device.type else kind).set_state(value)
        self.load_global_state(state, device)

    def global_state(self, device: torch.device) -> dict[str, Any]:
        """State of the global generators of the CPU and of `device`."""
        state = {"global": torch.get_rng_state()}
        if device.type == "cuda":
            state["cuda"] = gpu.global_generator(device).get_state()
        return state

    def load_global_state(self, state: dict[str, Any], device: torch.device) -> None:
        """Restore the state of `global_state`."""
        torch.set_rng_state(state["global"])
        if device.type == "cuda" and "cuda" in state:
            gpu.global_generator(device).set_state(state["cuda"])
