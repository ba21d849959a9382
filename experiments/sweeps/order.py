"""An order to start a sweep, and its equivalent command line."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from experiments.order import Order


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepOrder:
    """A sweep to start, in the terms of `prusc sweep`.

    Attributes:
        order: what all of its runs share; its name is that of the sweep.
        grid: dotted key → values, as after `--grid KEY=`.
        seeds: as after `--seeds`; None for that of the settings.
    """

    order: Order
    grid: Mapping[str, str] = field(default_factory=dict)
    seeds: str | None = None

    @property
    def options(self) -> list[str]:
        """What comes after `prusc sweep`, word by word."""
        launcher = self.order.launcher
        shared = replace(self.order, seed=None, launcher="local").words()[2:]
        target, *rest = shared
        words = [target]
        for key, values in self.grid.items():
            words += ["--grid", f"{key}={values}"]
        words += ["--seeds", self.seeds] if self.seeds is not None else []
        return words + rest + (["--launcher", launcher] if launcher != "queue" else [])

    def words(self) -> list[str]:
        """The command line, word by word, `prusc` first."""
        return ["prusc", "sweep", *self.options, "--detach"]
