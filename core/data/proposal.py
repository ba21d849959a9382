"""The proposal how to read a folder of images, and what cannot be known of it (no torch).

What cannot be known is a `Doubt`: a question with a guess. Answers are given by the keys of the doubts, and the
proposal is made again with them, until no doubt is left that needs an answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.data.roles import Values
from core.errors import InputError, nearest

Answers = Mapping[str, tuple[str, ...]]
"""Key of a doubt → the values chosen; an empty tuple for none of them."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something that cannot be known from the folder.

    Attributes:
        key: of its answer.
        question: one sentence.
        choices: valid answers; empty if any are.
        guess: the answer in force; None if there is no guess, so that an answer is needed.
        several: whether several answers, or none, can be given.
    """

    key: str
    question: str
    choices: tuple[str, ...]
    guess: tuple[str, ...] | None
    several: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """A column in the role that is proposed for it; `values` maps each value to its number of rows."""

    role: str
    column: str
    values: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Proposal:
    """How to read a folder.

    Attributes:
        source: the table, relative to the folder; empty for folders named by class.
        rows: number of its rows.
        settings: those of the data set, without its folder.
        seen: the columns in use.
        notes: what was decided without a doubt but may surprise.
        columns: all columns.
    """

    source: str
    rows: int
    settings: Mapping[str, Any]
    seen: tuple[Seen, ...] = ()
    notes: tuple[str, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    columns: tuple[str, ...] = ()


@dataclass
class ProposalDraft:
    """A proposal in the making."""

    answers: Answers
    settings: dict[str, Any] = field(default_factory=lambda: {"name": "folder"})
    seen: list[Seen] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)

    def ask(
        self, key: str, question: str, choices: Sequence[str], guess: Sequence[str] | None, *, several: bool = False
    ) -> tuple[str, ...]:
        """The answer to a question, or its guess and a doubt; raises InputError for an answer that is not a choice.

        A choice is also taken in another case, if no other differs only in case.
        """
        if key in self.answers:
            given = self.answers[key]
            return tuple(_chosen(key, answer, choices) for answer in given) if choices else given
        known = None if guess is None else tuple(guess)
        self.doubts.append(Doubt(key, question, tuple(choices), known, several))
        return known or ()

    def see(self, role: str, values: Values) -> None:
        self.seen.append(Seen(role, values.column.name, values.counts))


def listed(names: Sequence[str]) -> str:
    """The first of the names, separated by commas."""
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "")


def choice_of(answer: str, choices: Sequence[str]) -> str:
    """The choice that an answer means, also in another case if no other differs only in case; empty if none."""
    alike = [choice for choice in choices if choice.casefold() == answer.casefold()]
    return answer if answer in choices else alike[0] if len(alike) == 1 else ""


def _chosen(key: str, answer: str, choices: Sequence[str]) -> str:
    if not (chosen := choice_of(answer, choices)):
        raise InputError(f"{key} '{answer}': is not among {listed(choices)}{nearest(answer, [*choices])}")
    return chosen
