"""A look at a folder of images with a table, or with folders named by class: how it can be read (no torch)."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from posixpath import basename, dirname, normpath, splitext

from core.data.columns import Column, read_columns
from core.data.folders import ENDINGS, folder_columns, image_files
from core.data.guesses import find_attributes, find_label_and_split, find_splits
from core.data.proposal import Answers, Proposal, ProposalDraft, Seen, listed
from core.data.roles import Values
from core.errors import InputError

TABLES = (".csv", ".tsv", ".parquet", ".pq")
"""Extensions of tables."""
_SAMPLE = 400
"""Rows whose images are looked for, to find the column of the paths."""


@dataclass(frozen=True, slots=True)
class _Paths:
    """The column of the paths: share of its images that exist, and the folder that all paths are relative to."""

    name: str
    share: float
    folder: str
    distinct: int


class FolderLook:
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
        draft = ProposalDraft(answers or {})
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
        label, split = find_label_and_split(draft, rest, folders=not source)
        find_attributes(draft, [values for values in rest if values not in (label, split)], label)
        find_splits(draft, split)
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

    def _source(self, draft: ProposalDraft) -> str:
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
                    names = listed(list(columns))
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

    def _path(self, draft: ProposalDraft, source: str, columns: Mapping[str, Values]) -> str:
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
