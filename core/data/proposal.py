"""Look at a folder of images with a table, or with folders named by class, and propose how to read it (no torch).

What cannot be known is a `Doubt`: a question with a guess. Answers are given by the keys of the doubts, and the
proposal is made again with them, until no doubt is left that needs an answer.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from posixpath import basename, dirname, normpath, splitext
from typing import Any

from core.data.columns import Column, read_columns
from core.data.draft import SPLIT_WORDS
from core.data.folders import ENDINGS, folder_columns, image_files
from core.data.roles import (
    ATTRIBUTES,
    DIVISIONS,
    IGNORE,
    LABELS,
    NO_LABEL,
    Values,
    by_heading,
    divides,
    meanings,
)
from core.data.splits import SPLITS
from core.data.text import clean
from core.errors import InputError, nearest

Answers = Mapping[str, tuple[str, ...]]
"""Key of a doubt → the values chosen; an empty tuple for none of them."""

TABLES = (".csv", ".tsv", ".parquet", ".pq")
"""Extensions of tables."""
MOST_LABELS, MOST_VALUES = 100, 20
"""A column with more values is probably not the label, or not an attribute."""
LINKED = 0.3
"""An attribute is guessed if it is associated with the label at least so closely (Cramér's V)."""
VALIDATION_SHARE = "0.15"
_SAMPLE = 400
"""Rows whose images are looked for, to find the column of the paths."""


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


@dataclass(frozen=True, slots=True)
class _Paths:
    """The column of the paths: share of its images that exist, and the folder that all paths are relative to."""

    name: str
    share: float
    folder: str
    distinct: int


@dataclass
class _Draft:
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


class Look:
    """A look at a folder; its files are listed and its tables read once, however often something is proposed."""

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise InputError(f"{root}: {'is not a folder' if root.exists() else 'there is no such folder'}")
        self.root = root
        self._tables: dict[str, dict[str, Column]] = {}

    @cached_property
    def images(self) -> list[str]:
        """Paths of all images."""
        return image_files(self.root)

    @cached_property
    def tables(self) -> list[str]:
        """Tables in the folder, or else in its subfolders."""
        for pattern in ("*", "*/*"):
            found = [path for path in self.root.glob(pattern) if path.suffix.lower() in TABLES and path.name[0] != "."]
            if found:
                return sorted(path.relative_to(self.root).as_posix() for path in found if path.is_file())
        return []

    def propose(self, answers: Answers | None = None) -> Proposal:
        """Propose how to read the folder, given the answers to some doubts.

        Raises InputError if there are no images, no table fits, or an answer does not fit.
        """
        draft = _Draft(answers or {})
        if not self.images:
            kinds = ", ".join(ENDINGS)
            raise InputError(f"{self.root}: has no images ({kinds}; links are not followed); pass their folder")
        source = self._source(draft)
        if source:
            columns = {name: Values.of(column) for name, column in self._read(source).items()}
            draft.settings["table"] = source
            path = self._path(draft, source, columns)
        else:
            columns = {name: Values.of(column) for name, column in folder_columns(self.root).items()}
            draft.settings["table"] = ""
            path = "path"
        rest = [values for name, values in columns.items() if name != path]
        label, split = _label_and_split(draft, rest, folders=not source)
        _attributes(draft, [values for values in rest if values not in (label, split)], label)
        _splits(draft, split)
        notes = [note for values in columns.values() for note in values.column.notes]
        rows = len(columns[path].codes)
        return Proposal(
            source,
            rows,
            draft.settings,
            (Seen("path", path, {str(columns[path].column.texts[0]): rows}), *draft.seen),
            tuple(dict.fromkeys([*notes, *draft.notes])),
            tuple(draft.doubts),
            tuple(columns),
        )

    def _source(self, draft: _Draft) -> str:
        """The table to read; empty for folders named by class."""
        if "table" in draft.answers:
            return "".join(draft.answers["table"])
        fit, why_not = [], []
        for table in self.tables:
            try:
                columns = self._read(table)
                if columns and self._best(table, columns).share >= 0.5:
                    fit.append(table)
                else:
                    names = _listed(list(columns))
                    why_not.append(f"{self.root / table}: no column has paths of images in this folder ({names})")
            except InputError as error:
                why_not.append(str(error))
        if len(fit) > 1:
            rows = {table: len(next(iter(self._read(table).values()))) for table in fit}
            most = max(fit, key=lambda table: rows[table])
            return draft.ask("table", "several tables list images; which one is it?", fit, (most,))[0]
        if fit:
            return fit[0]
        outer = {path.partition("/")[0] for path in self.images if "/" in path}
        if len(outer) > 1 or (not why_not and len({dirname(path) for path in self.images}) > 1):
            draft.notes += [f"not used: {text.removeprefix(f'{self.root}/')}" for text in why_not]
            return ""
        if why_not:
            raise InputError(f"{why_not[0]}; name the column with --path, or the table with --table")
        raise InputError(
            f"{self.root}: has {len(self.images):,} images, but no table ({', '.join(TABLES)}) and no folders named by "
            "class; write a CSV with the columns path and label"
        )

    def _read(self, table: str) -> dict[str, Column]:
        if table not in self._tables:
            self._tables[table] = read_columns(self.root, table)
        return self._tables[table]

    def _path(self, draft: _Draft, source: str, columns: Mapping[str, Values]) -> str:
        texts = {name: values.column for name, values in columns.items()}
        if "path" in draft.answers:
            (name,) = draft.ask("path", "", list(columns), None)
            texts = {name: texts[name]}
        elif not texts:
            raise InputError(f"{self.root / source}: has no column with a heading of its own; add a line of headings")
        best = self._best(source, texts)
        if best.share == 0:
            raise InputError(f"{self.root / source}: column '{best.name}' names no image in this folder; name another")
        if best.share < 0.9:
            draft.ask(
                "path",
                f"only {best.share:.0%} of the images in column '{best.name}' exist; is it the path?",
                list(columns),
                (best.name,),
            )
        draft.settings["path_column"] = best.name
        if best.folder != dirname(source):
            draft.settings["images"] = best.folder or "."
        return best.name

    def _best(self, source: str, columns: Mapping[str, Column]) -> _Paths:
        """The column that names most images; of several, the one with most different names."""
        found = [self._paths(source, column) for column in columns.values()]
        return max(found, key=lambda paths: (paths.share, paths.distinct))

    def _paths(self, source: str, column: Column) -> _Paths:
        distinct = list(dict.fromkeys(text.strip() for text in column.texts if text.strip()))
        sample = distinct[:: max(1, len(distinct) // _SAMPLE)]
        folders: Counter[str] = Counter()
        for text in sample:
            folders.update({path[: -len(tail)].rstrip("/") for path, tail in self._named(text)})
        # Of folders that serve equally well, the one that needs no setting.
        best = max(folders, key=lambda folder: (folders[folder], folder == dirname(source)), default="")
        return _Paths(column.name, folders[best] / max(1, len(sample)), best, len(distinct))

    def _named(self, text: str) -> Iterable[tuple[str, str]]:
        """Images that a text of a table may name, each with the part of its path that the text gives."""
        name = normpath(text.replace("\\", "/")).removeprefix(f"{self.root}/")
        stem, ending = splitext(name)
        known = ending.lower() in ENDINGS
        for path in self._by_name.get(basename(name if known else stem + ending), ()):
            tail = name if known else name + splitext(path)[1]
            if path == tail or path.endswith(f"/{tail}"):
                yield path, tail

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        """Name of an image, with and without its extension → paths of such images."""
        found: dict[str, list[str]] = {}
        for path in self.images:
            name = basename(path)
            for key in (name, splitext(name)[0]):
                found.setdefault(key, []).append(path)
        return found


def _label_and_split(draft: _Draft, columns: list[Values], *, folders: bool) -> tuple[Values, Values | None]:
    names = {values.column.name: values for values in columns}
    split = _chosen_split(draft, columns, names)
    candidates = [values for values in columns if values is not split and len(values) > 1]
    few = candidates if folders else [values for values in candidates if len(values) <= MOST_LABELS]
    known = by_heading(few, LABELS)
    if "label" in draft.answers:
        label = names[draft.ask("label", "", list(names), None)[0]]
    elif not few:
        raise InputError("no column has two or more values that could be labels; name it with --label")
    elif folders and len(candidates) == 1:
        label = candidates[0]
    elif known and known[0].heading in LABELS[:5] and (len(known) == 1 or known[1].heading not in LABELS[:5]):
        label = known[0]
    else:
        guess = (known or few)[0]
        choices = [values.column.name for values in candidates]
        label = names[draft.ask("label", "which column is the label?", choices, (guess.column.name,))[0]]
    draft.settings["label_column"] = label.column.name
    draft.see("label", label)
    draft.notes += label.column.spellings()
    _ignored_labels(draft, label)
    return label, split


def _chosen_split(draft: _Draft, columns: list[Values], names: Mapping[str, Values]) -> Values | None:
    if "split" in draft.answers:
        chosen = draft.ask("split", "", list(names), None)
        return names[chosen[0]] if chosen else None
    candidates = [values for values in columns if divides(values)]
    named = by_heading(candidates, DIVISIONS) or candidates
    if len(named) > 1:
        choices = [values.column.name for values in named]
        return names[draft.ask("split", "which column is the split?", choices, (choices[0],))[0]]
    return named[0] if named else None


def _chosen(key: str, answer: str, choices: Sequence[str]) -> str:
    alike = [choice for choice in choices if choice.casefold() == answer.casefold()]
    if answer in choices:
        return answer
    if len(alike) == 1:
        return alike[0]
    raise InputError(f"{key} '{answer}': is not among {_listed(choices)}{nearest(answer, [*choices])}")


def _ignored_labels(draft: _Draft, label: Values) -> None:
    odd = [value for value in label.names if value.casefold() in NO_LABEL]
    others = [value for value in label.names if value not in odd and value != "-1"]
    # Of -1 and 1, or -1 and -2, it is a label like the other.
    if "-1" in label.names and len(others) > 1 and not any(value.startswith("-") for value in others):
        odd.append("-1")
    if odd or "ignore" in draft.answers:
        counts = ", ".join(f"{label.counts[value]:,} are {repr(value) if value else 'empty'}" for value in odd)
        ignored = draft.ask(
            "ignore", f"some labels are missing or uncertain: {counts}; leave out these rows?", (), odd, several=True
        )
        draft.settings["ignored_labels"] = ignored


def _attributes(draft: _Draft, columns: list[Values], label: Values) -> None:
    names = {values.column.name: values for values in columns}
    if "attributes" in draft.answers:
        chosen = [names[name] for name in draft.ask("attributes", "", list(names), None)]
    else:
        fit = [values for values in columns if 1 < len(values) <= MOST_VALUES and "" not in values.names]
        telling = [values for values in fit if label.follows_from(values)]
        for values in telling:
            draft.notes.append(
                f"column '{values.column.name}' gives the label away, so it is not proposed as an attribute"
            )
        fit = [values for values in fit if values not in telling]
        known = by_heading(fit, ATTRIBUTES)
        if len(known) == 1:
            chosen = known
        elif not fit:
            chosen = []
        else:
            links = {values.column.name: values.association(label) for values in fit}
            best = max(links, key=lambda name: links[name])
            guess = [known[0].column.name] if known else [best] * (links[best] >= LINKED)
            listed = ", ".join(f"{name} {link:.2f}" for name, link in links.items())
            question = f"which columns are attributes, for evaluation only? Association with the label: {listed}"
            chosen = [names[name] for name in draft.ask("attributes", question, list(links), guess, several=True)]
    if chosen:
        draft.settings["attribute_columns"] = tuple(values.column.name for values in chosen)
    else:
        draft.notes.append("no attribute: accuracy is given for each label only, as groups are unknown")
    for values in chosen:
        draft.see("attribute", values)
        draft.notes += values.column.spellings()


def _splits(draft: _Draft, split: Values | None) -> None:
    if split is None:
        draft.settings["split_column"] = ""
        draft.notes.append("no split: 70 % training, 15 % validation and 15 % test are drawn at random in every group")
        return
    draft.settings["split_column"] = split.column.name
    draft.see("split", split)
    given = {
        key.removeprefix("split "): "".join(answer) for key, answer in draft.answers.items() if key[:6] == "split "
    }
    for value, name in given.items():
        if name not in (*SPLITS, IGNORE):
            choices = (*SPLITS, IGNORE)
            raise InputError(f"{value}={name}: '{name}' is not among {_listed(choices)}{nearest(name, [*choices])}")
        if clean(value).casefold() not in map(str.casefold, split.names):
            raise InputError(f"{value}={name}: column '{split.column.name}' has no '{value}' ({_listed(split.names)})")
    means: dict[str, str] = {}
    for value, meaning in meanings(list(split.counts), given).items():
        means[value] = meaning.split
        if not meaning.sure:
            (answer,) = draft.ask(
                f"split {value}",
                f"what does '{value}' mean in column '{split.column.name}' (rows: {split.counts[value]:,})?",
                (*SPLITS, IGNORE),
                (meaning.split,) if meaning.split else None,
            ) or ("",)
            means[value] = answer
    for name in (*SPLITS, IGNORE):
        values = [
            value for value, meant in means.items() if meant == name and SPLIT_WORDS.get(value.casefold()) != name
        ]
        if values:
            draft.settings["ignored_splits" if name == IGNORE else f"{name}_values"] = tuple(values)
    if "validation" not in means.values() and "" not in means.values():
        (share,) = draft.ask(
            "validation share",
            "no rows are for validation; which share of training should be drawn for it?",
            (),
            (VALIDATION_SHARE,),
        )
        draft.settings["validation_share"] = _share(share)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise InputError(f"validation share '{text}': expected a number between 0 and 1, such as {VALIDATION_SHARE}")
    return share


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
