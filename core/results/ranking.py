"""Which method is best, by a rule on the validation split; the test split ranks nothing."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any

from core.errors import InputError, nearest
from core.groups import Evaluation
from core.results.compare import Family
from core.rules import RULES, Rule
from core.spread import Spread, spread

RANKING = tuple(name for name in RULES if name != "last")
"""Rules that rank methods."""
DEFAULT = "worst-cell"


@dataclass(frozen=True, slots=True)
class Ranking:
    """Methods by the value of a rule on the validation split, in the order in which they were given.

    Attributes:
        rule: its name.
        values: mean over the runs, a share; None for a method of which a run lacks the number.
        best: index of the highest mean, the first on a tie; None unless at least two methods have a value.
        unsupervised: whether methods with supervision were left out, as at least two others have a value.
    """

    rule: str
    values: tuple[Spread | None, ...]
    best: int | None
    unsupervised: bool = False

    def to_json(self) -> dict[str, Any]:
        rule = RULES[self.rule]
        return {"rule": self.rule, "split": "validation", "uses": rule.uses, "attributes": rule.attributes}


def ranking_rule(name: str) -> Rule:
    """The rule called `name`, if it can rank methods.

    Raises:
        InputError: it is unknown, takes the last step, or is about the test split.
    """
    if name in RANKING:
        return RULES[name]
    known = f"rules on validation: {', '.join(RANKING)}"
    if name.startswith("test"):
        raise InputError(f"--best {name}: the test split selects nothing ({known})")
    if name in RULES:
        raise InputError(f"--best {name}: this rule ranks no methods ({known})")
    raise InputError(f"--best {name}: unknown rule{nearest(name, list(RANKING))} ({known})")


def ranked(
    columns: Sequence[Sequence[float | None]], rule: str = DEFAULT, oracles: Container[int] = frozenset()
) -> Ranking:
    """Rank methods by the values of `rule`, one for each run of a method.

    Those at the places `oracles` are left out if two others can be ranked: the worst cell of an oracle, for example, is
    a true group, and would be compared with pseudo-groups.
    """
    values = tuple(_mean(column) for column in columns)
    means = [(value.mean, -place) for place, value in enumerate(values) if value is not None]
    fair = [(mean, place) for mean, place in means if -place not in oracles]
    able = fair if len(fair) > 1 else means
    return Ranking(rule, values, -max(able)[1] if len(able) > 1 else None, len(able) < len(means))


def ranked_families(members: Sequence[Family], split: str, rule: str = DEFAULT, stage: str | None = None) -> Ranking:
    """Rank families by the runs, and after the stage, of their results on `split`."""
    oracles = {place for place, family in enumerate(members) if family.runs[0].attributes_used != "none"}
    return ranked([_values(family, split, rule, stage) for family in members], rule, oracles)


def _values(family: Family, split: str, rule: str, stage: str | None) -> list[float | None]:
    result = family.result(split, stage)
    if result is None:
        return []
    looks = [run.stage(result.stage).evaluations.get("validation") for run in result.runs]
    return [RULES[rule].value(Evaluation.from_json("validation", look)) if look else None for look in looks]


def _mean(column: Sequence[float | None]) -> Spread | None:
    known = [value for value in column if value is not None and not isnan(value)]
    return spread(known) if known and len(known) == len(column) else None
