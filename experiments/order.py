"""What a person asks for when starting a run, and the command line that asks for the same."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A run to be started, in the words of `prusc run`.

    Attributes:
        target: recipe or preset; None for a fork that keeps the recipe of its source.
        data: preset whose data and values a recipe takes; None for the one that is taken unasked.
        overrides: texts `a.b=c`.
        seed: of the run; None leaves it as it is.
        name: of the run; None has one made up.
        tags: labels.
        device: `auto`, `cpu` or `cuda:N`.
        fork: `RUN:STAGE` to start from.
        fresh: compute every stage.
        detach: run in a process of its own.
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
    detach: bool = True

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
        words += ["--fresh"] * self.fresh + ["--detach"] * self.detach
        return words


def shown(words: Sequence[str]) -> str:
    """The command line as one types it into a shell."""
    return " ".join(shlex.quote(word) for word in words)


def _option(name: str, value: str | int | None) -> list[str]:
    return [] if value is None else [name, str(value)]
