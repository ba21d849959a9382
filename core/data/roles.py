"""Which columns of a table can be label, attribute and split, judged by their headings and values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core.data.columns import Column, in_order
from core.data.dataset import Integers
from core.data.draft import SPLIT_WORDS
from core.data.splits import SPLITS
from core.data.text import clean

LABELS = ("label", "labels", "class", "target", "y", "class_name", "category", "diagnosis", "benign_malignant")
"""Usual headings of the label, in lower case, by priority; the first five are never anything else."""
ATTRIBUTES = (
    *("attribute", "attributes", "attr", "a", "spurious", "confounder", "shortcut", "bias"),
    *("place", "background", "bg", "environment", "env", "domain", "context", "color", "colour", "texture"),
    *("patches", "patch", "hospital", "site", "scanner", "gender", "male", "sex"),
)
"""Usual headings of attributes, in lower case."""
DIVISIONS = ("split", "splits", "partition", "fold", "folds", "set", "subset", "phase", "part", "stage", "usage")
"""Usual headings of the split, in lower case; the first five are never anything else."""
NO_LABEL = ("", "nan", "none", "null", "na", "n/a", "unknown", "?")
"""Texts in lower case that stand for a missing label."""
IGNORE = "ignore"
"""What a value of the split column means if its rows are left out."""

_GUESSED = {
    **dict.fromkeys(("learn", "learning", "fit", "tr", "trn", "development"), "train"),
    **dict.fromkeys(("tune", "tuning", "select", "selection", "va", "vali"), "validation"),
    **dict.fromkeys(("final", "holdout", "hold-out", "heldout", "held-out", "te", "tst", "report"), "test"),
    **dict.fromkeys(("extra", "unused", "none", "exclude", "excluded", "ignore"), IGNORE),
}
"""Words of a split column that probably, but not certainly, mean a split."""
_EVALUATION = ("eval", "evaluation")
"""Words that mean validation or test, depending on the other words."""


@dataclass(frozen=True)
class Values:
    """The values of a column: `codes` int64 [n] are their numbers."""

    column: Column
    codes: Integers
    names: tuple[str, ...]

    @classmethod
    def of(cls, column: Column) -> "Values":
        """Values of a column; spellings of one number are one value."""
        import pandas as pd

        codes, distinct = pd.factorize(column.texts)
        cleaned, names = pd.factorize(np.array([clean(text) for text in distinct], dtype=object))
        return cls(column, cleaned[codes].astype(np.int64), tuple(names.tolist()))

    def __len__(self) -> int:
        return len(self.names)

    @property
    def heading(self) -> str:
        """The heading in lower case."""
        return self.column.name.casefold()

    @cached_property
    def counts(self) -> dict[str, int]:
        """Value → number of rows, in the order in which values are listed."""
        rows = np.bincount(self.codes, minlength=len(self))
        number = dict(zip(self.names, rows.tolist(), strict=True))
        return {value: number[value] for value in in_order(set(self.names))}

    def pairs(self, other: "Values") -> int:
        """Number of different pairs of values in the rows."""
        return len(np.unique(self.codes * len(other) + other.codes))

    def follows_from(self, other: "Values") -> bool:
        """Whether every value of the other column occurs with one value of this one only."""
        return self.pairs(other) == len(other)

    def association(self, other: "Values") -> float:
        """Cramér's V of two columns, in [0, 1]."""
        table = np.zeros((len(self), len(other)))
        np.add.at(table, (self.codes, other.codes), 1)
        expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
        squares = float(((table - expected) ** 2 / expected).sum()) / table.sum()
        return float(np.sqrt(squares / max(1, min(table.shape) - 1)))


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a value of a split column means: the name of a split, `ignore`, or empty if there is no guess."""

    split: str
    sure: bool


def divides(values: Values) -> bool:
    """Whether a column says which rows are for training: by its words, or by its heading and a few numbers."""
    words = [name.casefold() for name in values.names]
    if not 1 < len(words) <= 20:
        return False
    if values.heading in DIVISIONS[:5]:
        return True
    if values.heading in DIVISIONS:
        return all(word in SPLIT_WORDS or word in _GUESSED or word.isdecimal() or word in _EVALUATION for word in words)
    known = [SPLIT_WORDS.get(word) or _GUESSED.get(word) or word in _EVALUATION for word in words]
    return all(known) and not any(word.isdecimal() for word in words) and "train" in known


def meanings(values: Sequence[str], given: Mapping[str, str]) -> dict[str, Meaning]:
    """Meaning of every value of a split column; `given` are those that the user has stated."""
    words = {value: value.casefold() for value in values}
    stated = {clean(value).casefold(): split for value, split in given.items()}
    found = {value: Meaning(stated[word], True) for value, word in words.items() if word in stated}
    rest = {value: word for value, word in words.items() if value not in found}
    if rest and all(word.isdecimal() for word in words.values()) and set(words.values()) != {"0", "1", "2"}:
        guesses = _of_numbers(in_order(set(values)))
        return {value: found.get(value) or Meaning(guesses[value], False) for value in values}
    for value, word in rest.items():
        if word in SPLIT_WORDS:
            found[value] = Meaning(SPLIT_WORDS[word], True)
        elif word in _GUESSED:
            found[value] = Meaning(_GUESSED[word], False)
    used = {meaning.split for meaning in found.values()}
    open_splits = [split for split in ("test", "validation", "train") if split not in used]
    unknown = [value for value in rest if value not in found]
    for value in unknown:
        alone = len(unknown) == 1 and (len(open_splits) == 1 or rest[value] in _EVALUATION)
        found[value] = Meaning(open_splits[0] if alone and open_splits else "", False)
    if {meaning.split for meaning in found.values()} == {"train", "validation"}:  # what is held out is for the test
        for value, meaning in found.items():
            if meaning.split == "validation" and value not in given:
                found[value] = Meaning("test", False)
    return {value: found[value] for value in values}


def _of_numbers(numbers: Sequence[str]) -> dict[str, str]:
    """Folds: the last number is for the test, the one before for validation; of two, none is for validation."""
    ends = SPLITS[-2:] if len(numbers) > 2 else SPLITS[-1:]
    return dict(zip(numbers, ["train"] * (len(numbers) - len(ends)) + list(ends), strict=True))


def by_heading(candidates: Sequence[Values], headings: Sequence[str]) -> list[Values]:
    """The candidates with one of these headings, in the order of the headings."""
    named = [each for each in candidates if each.heading in headings]
    return sorted(named, key=lambda each: headings.index(each.heading))
