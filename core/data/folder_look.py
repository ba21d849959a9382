"""A look at a folder of images with a table, or with folders named by class: how it can be read (no torch)."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from posixpath import basename, dirname, join, normpath, splitext
from unicodedata import normalize

from core.data.columns import Column, read_columns
from core.data.folders import ENDINGS, folder_columns, is_image, visible_files
from core.data.guesses import find_attributes, find_label_and_split, find_splits
from core.data.proposal import Answers, Proposal, ProposalDraft, Seen, listed
from core.data.roles import Values
from core.data.text import clean
from core.errors import InputError

TABLES = (".csv", ".tsv", ".parquet", ".pq")
"""Extensions of tables."""
_SAMPLE = 400
"""Rows whose images are looked for, to find the column of the paths."""


@dataclass(frozen=True, slots=True)
class _Paths:
    """A column as that of the paths.

    Attributes:
        share: of its different texts that are images in the folder.
        folder: to which all paths are relative.
        distinct: number of different texts.
        files: whether most have the extension of an image.
        numbers: whether most are whole numbers.
    """

    name: str = ""
    share: float = 0.0
    folder: str = ""
    distinct: int = 0
    files: bool = False
    numbers: bool = False


class FolderLook:
    """A look at a folder; its files are listed and its tables read once, however often something is proposed."""

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise InputError(f"{root}: {'is not a folder' if root.exists() else 'there is no such folder'}")
        self.root = root
        self._homes = (f"{root}/", f"{root.resolve()}/")
        self._tables: dict[str, dict[str, Column]] = {}

    @cached_property
    def files(self) -> list[str]:
        """Paths of all files that are not hidden."""
        return visible_files(self.root)

    @cached_property
    def images(self) -> list[str]:
        """Paths of all images."""
        return [path for path in self.files if is_image(path)]

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
            draft.notes += self._unread()
            path = "path"
        rest = [values for name, values in columns.items() if name != path]
        label, split = find_label_and_split(draft, rest, folders=not source)
        find_attributes(draft, [values for values in rest if values not in (label, split)], label)
        find_splits(draft, split, label)
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
        fit, why_not, almost = [], [], []
        for table in self.tables:
            try:
                columns = self._read(table)
                best = self._best(table, columns) if columns else _Paths()
                if best.share >= 0.5:
                    fit.append(table)
                elif best.share > 0:
                    some = f"only {best.share:.0%} of the paths in column '{best.name}' are images in this folder"
                    why_not.append(f"{self.root / table}: {some}")
                elif unlike := self._unlike(columns):
                    almost.append(f"{self.root / table}: {unlike}")
                else:
                    names = listed(list(columns))
                    why_not.append(f"{self.root / table}: no column has paths of images in this folder ({names})")
            except InputError as error:
                why_not.append(str(error))
        if len(fit) > 1:
            rows = {table: len(next(iter(self._read(table).values()))) for table in fit}
            most = max(fit, key=lambda table: rows[table])
            question = "several tables list images, but one is read (join them if each is a split); which one?"
            return draft.ask("table", question, fit, (most,))[0]
        if fit:
            return fit[0]
        outer = {path.partition("/")[0] for path in self.images if "/" in path}
        if len(outer) > 1 or (not (why_not or almost) and len({dirname(path) for path in self.images}) > 1):
            draft.notes += [f"not used: {text.removeprefix(f'{self.root}/')}" for text in (*almost, *why_not)]
            return ""
        if almost:
            raise InputError(almost[0])
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
            unlike = self._unlike(texts) or f"column '{best.name}' names no image in this folder; name another"
            raise InputError(f"{self.root / source}: {unlike}")
        if not best.name.isdecimal() and any(True for _ in self._folders_of(source, best.name)):
            raise InputError(
                f"{self.root / source}, line 1: names the image '{best.name}' where the headings should be; "
                "add a first line such as path,label"
            )
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
        """The column that names most images; of several, the one with most different names.

        A column of numbers may be an index, and counts only if no column has names of image files. Numbers may have
        lost their leading zeros.
        """

        def rank(paths: _Paths) -> tuple[float, int]:
            return paths.share, paths.distinct

        found = [self._paths(source, column, self._folders_of) for column in columns.values()]
        if any(paths.files for paths in found):
            return max((paths for paths in found if not paths.numbers), key=rank)
        best = max(found, key=rank)
        if best.share >= 0.9:
            return best
        rest = [columns[best.name]] if best.share >= 0.5 else list(columns.values())
        numbers = [self._paths(source, column, self._folders_of_number) for column in rest]
        return max((best, *(each for each in numbers if 2 * each.distinct >= len(self.images))), key=rank)

    def _paths(self, source: str, column: Column, folders_of: Callable[[str, str], Iterable[str]]) -> _Paths:
        distinct = [text for text in dict.fromkeys(map(str.strip, dict.fromkeys(column.texts))) if text]
        sample = distinct[:: max(1, len(distinct) // _SAMPLE)]
        half = len(sample) / 2
        files, numbers = sum(map(is_image, sample)) > half, sum(clean(text).isdecimal() for text in sample) > half
        if numbers and 2 * len(distinct) < len(column):  # a label, not an image
            return _Paths(column.name, numbers=True)
        folders: Counter[str] = Counter()
        for text in sample:
            folders.update(set(folders_of(source, text)))
        # Of folders that serve equally well, the one that needs no setting.
        best = max(folders, key=lambda folder: (folders[folder], folder == dirname(source)), default="")
        return _Paths(column.name, folders[best] / max(1, len(sample)), best, len(distinct), files, numbers)

    def _folders_of(self, source: str, text: str) -> Iterable[str]:
        """Folders in which there is an image that a text of a table names."""
        name = normalize("NFC", normpath(text.replace("\\", "/")))
        for home in self._homes:
            name = name.removeprefix(home)
        beside = normpath(join(dirname(source), name)) if name.startswith("../") else ""
        for path in self._by_name.get(basename(name), ()):
            if beside in (path, splitext(path)[0]):
                yield dirname(source)
            elif _ends(path, name):
                yield "/".join(path.split("/")[: -1 - name.count("/")])

    def _folders_of_number(self, source: str, text: str) -> Iterable[str]:  # noqa: ARG002
        """Folders in which there is an image whose name is a number with leading zeros."""
        return map(dirname, self._by_number.get(clean(text), ()))

    def _unlike(self, columns: Mapping[str, Column]) -> str:
        """What is wrong with a column that has names of images, but other paths; empty if none has names."""
        for name, column in columns.items():
            for text in column.texts[:_SAMPLE]:
                image = normalize("NFC", basename(text.strip().replace("\\", "/")))
                if path := self._in_lower_case.get(image.casefold()):
                    return f"column '{name}' has '{text.strip()}', but the image is '{path}'; correct the paths"
        return ""

    def _unread(self) -> list[str]:
        """A note on files in folders that are not images."""
        files = [path for path in self.files if "/" in path and not is_image(path)]
        endings = Counter(splitext(path)[1].lower() or "without extension" for path in files)
        counts = ", ".join(f"{number:,} {ending}" for ending, number in endings.most_common(8))
        return [f"files that are not images are not read: {counts}"] if counts else []

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        """Name of an image, with and without its extension → paths of such images."""
        found: dict[str, list[str]] = {}
        for path in self.images:
            name = normalize("NFC", basename(path))
            for key in (name, splitext(name)[0]):
                found.setdefault(key, []).append(path)
        return found

    @cached_property
    def _by_number(self) -> dict[str, list[str]]:
        """Number without leading zeros → paths of images with this name."""
        found: dict[str, list[str]] = {}
        for path in self.images:
            stem = splitext(basename(path))[0]
            if stem.isdecimal():
                found.setdefault(str(int(stem)), []).append(path)
        return found

    @cached_property
    def _in_lower_case(self) -> dict[str, str]:
        """Name of an image in lower case → path of such an image."""
        return {normalize("NFC", basename(path)).casefold(): path for path in self.images}


def _ends(path: str, name: str) -> bool:
    """Whether the path of an image ends with a name that may have folders before it, and no extension."""
    whole, tail = "/" + normalize("NFC", path), f"/{name}"
    return whole.endswith(tail) or (not is_image(name) and splitext(whole)[0].endswith(tail))
