"""An order to start a run, its equivalent command line, and its plan."""

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from core.errors import InputError
from experiments.resources import ANY, Resources

if TYPE_CHECKING:
    from core.runs.home import Home
    from core.runs.record import RunRecord
    from experiments.fork import Fork
    from experiments.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A run to start, in the terms of `prusc run`.

    Attributes:
        target: recipe or preset; None for a fork that keeps the recipe of its source.
        data: preset with the data and values of a recipe; None for its default.
        overrides: texts `a.b=c`.
        seed: None keeps that of the settings.
        name: None for a generated one.
        device: `auto`, `cpu` or `cuda:N`; several GPUs for one run, separated by commas.
        fork: `RUN:STAGE` to start from.
        resources: what the run asks of its launcher.
        log: loggers, `NAME` or `NAME:FOLDER`.
    """

    target: str | None = None
    data: str | None = None
    overrides: tuple[str, ...] = ()
    seed: int | None = None
    name: str | None = None
    tags: tuple[str, ...] = ()
    device: str = "auto"
    fork: str | None = None
    fresh: bool = False
    launcher: str = "detached"
    resources: Resources = ANY
    log: tuple[str, ...] = ()

    def also(self, overrides: Iterable[str]) -> "Order":
        """The same order with more overrides; later ones win."""
        return replace(self, overrides=(*self.overrides, *overrides))

    def words(self) -> list[str]:
        """The command line, word by word, `prusc` first."""
        words = ["prusc", "run"]
        if self.target is not None:
            words.append(self.target)
        words += _option("--data", self.data)
        words += _option("--from", self.fork)
        for text in self.overrides:
            words += ["--set", text]
        words += _option("--seed", self.seed)
        words += _option("--name", self.name)
        for tag in self.tags:
            words += ["--tag", tag]
        words += _option("--device", None if self.device == "auto" else self.device)
        words += ["--fresh"] * self.fresh
        for logger in self.log:
            words += ["--log", logger]
        return words + launcher_option(self.launcher) + self.resources.words()


def again(record: "RunRecord") -> Order | None:
    """The order that gives a run again; None if its preset is unknown to this version."""
    from core.config import flatten
    from experiments.catalog import get_preset, preset_names

    config = record.config
    target, data = record.recipe, record.preset or (config["data"]["name"] if "data" in config else record.data)
    if record.preset is not None:
        if record.preset not in preset_names():
            return None
        if get_preset(record.preset).settings.get("recipe") == record.recipe:
            target, data = record.preset, ""
    overrides = dict(flatten(dict(record.overrides)))
    overrides.pop("seed", None)
    return Order(
        target=target,
        data=None if record.forked_from else data or None,
        overrides=tuple(_setting(key, value) for key, value in overrides.items()),
        seed=record.seed,
        fork=record.forked_from,
        launcher="local",
    )


def shown(words: Sequence[str]) -> str:
    """The command line, quoted for a shell."""
    return " ".join(shlex.quote(word) for word in words)


def plan(home: "Home", order: Order) -> "tuple[Plan, Fork | None]":
    """Plan the run of an order; return the plan and its fork, if any.

    Raises InputError if a name, key or value is unknown or does not fit, or a fork would change a stage that it takes
    over.
    """
    from experiments.fork import plan_fork, read_fork
    from experiments.plan import make_plan

    if order.fork is None:
        return make_plan(order.target, data=order.data, overrides=order.overrides, seed=order.seed), None
    if order.data is not None:
        raise InputError("--data: a run started with --from uses the data of its source")
    fork = read_fork(home, order.fork)
    return plan_fork(fork, order.target, order.overrides, order.seed), fork


def launcher_option(name: str) -> list[str]:
    """The option of `prusc run` and `prusc resume` for a launcher; empty for local, the default."""
    return {"local": [], "detached": ["--detach"], "queue": ["--queue"]}.get(name, ["--launcher", name])


def _setting(key: str, value: object) -> str:
    """A setting as `--set` reads it; text in quotes only where it would be read as something else."""
    import orjson

    from core.overrides import parse_overrides

    if isinstance(value, str) and parse_overrides([f"value={value}"])["value"] == value:
        return f"{key}={value}"
    return f"{key}={orjson.dumps(value).decode()}"


def _option(name: str, value: str | int | None) -> list[str]:
    return [] if value is None else [name, str(value)]
