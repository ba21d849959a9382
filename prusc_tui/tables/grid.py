"""A table as data, and as Markdown and LaTeX for a paper or an issue."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from core.runs.text import safe_text
from prusc_tui.palette import MARKS

HELD = "\u00a0"  # a no-break space within a heading


class Cell(NamedTuple):
    """A number, aligned by its decimal point, or a word; `spread` is secondary text after it, such as `± 1.2`."""

    text: str
    spread: str = ""
    is_number: bool = False
    stands_out: bool = False

    @property
    def plain(self) -> str:
        """The whole cell as text."""
        return f"{self.text} {self.spread}" if self.spread else self.text


class Line(NamedTuple):
    """One row: its title and cells."""

    title: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table.

    Attributes:
        corner: heading of the column of titles.
        columns: headings of the other columns, one for each cell of a row; they may be broken at spaces.
        blocks: rows, in blocks with a rule between them.
        about: a sentence that defines the numbers.
        notes: sentences below the table.
        words: number of leading text columns, which every part of a wide table repeats.
    """

    corner: str
    columns: tuple[str, ...]
    blocks: tuple[tuple[Line, ...], ...]
    about: str = ""
    notes: tuple[str, ...] = ()
    words: int = 0

    def __post_init__(self) -> None:
        """Make every text safe for a terminal, so that nobody who fills or prints a table has to."""
        made = {
            "corner": safe_text(self.corner),
            "columns": tuple(map(safe_text, self.columns)),
            "blocks": tuple(tuple(map(_safe, block)) for block in self.blocks),
            "about": safe_text(self.about),
            "notes": tuple(map(safe_text, self.notes)),
        }
        for name, value in made.items():
            object.__setattr__(self, name, value)

    @property
    def lines(self) -> tuple[Line, ...]:
        """All rows."""
        return tuple(line for block in self.blocks for line in block)


def _safe(line: Line) -> Line:
    cells = tuple(cell._replace(text=safe_text(cell.text), spread=safe_text(cell.spread)) for cell in line.cells)
    return Line(safe_text(line.title), cells)


_SIGNS = frozenset({*MARKS.values(), "+", "−", "└", "≠"})
_BREAK = re.compile(r" (?![^\[\]]*\])")  # a space outside square brackets


def said_once(grids: Sequence[Grid]) -> list[Grid]:
    """Tables of one page: a note below one of them is not repeated below later ones."""
    said: set[str] = set()
    out = []
    for grid in grids:
        out.append(replace(grid, notes=tuple(note for note in dict.fromkeys(grid.notes) if note not in said)))
        said.update(grid.notes)
    return out


def folded(head: str) -> str:
    """A heading with one word per line; signs stay with the word after them, and a list in brackets is one word."""
    out = ""
    for word in _BREAK.split(head):
        out += word if not out else (f" {word}" if out.rpartition("\n")[2] in _SIGNS else f"\n{word}")
    return out.replace(HELD, " ")


def markdown(grid: Grid) -> str:
    """The table in GitHub's Markdown with its sentences below; ends with a newline."""
    rows = [_heads(grid), *([line.title, *(c.plain for c in line.cells)] for line in grid.lines)]
    texts = [[_markdown_text(text) for text in row] for row in rows]
    widths = [max(3, *(len(row[i]) for row in texts)) for i in range(len(texts[0]))]
    padded = [
        "| " + " | ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) + " |" for row in texts
    ]
    rule = "|" + "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])]) + "|"
    sentences = [_markdown_text(text) for text in (grid.about, *grid.notes) if text]
    return "\n".join([padded[0], rule, *padded[1:], *(f"\n{sentence}" for sentence in sentences)]) + "\n"


def latex(grid: Grid, *, booktabs: bool = True) -> str:
    r"""The table as a `tabular`, with rules of booktabs or plain `\hline`, and its sentences as comments above."""
    top, middle, bottom = (r"\toprule", r"\midrule", r"\bottomrule") if booktabs else (r"\hline",) * 3
    needs = r"needs \usepackage{booktabs}" if booktabs else ""
    comments = [f"% {text}" for text in (grid.about, *grid.notes, needs) if text]
    head = _latex_row(_heads(grid))
    body: list[str] = []
    for block in grid.blocks:
        body += [middle, *(_latex_row([line.title, *(cell.plain for cell in line.cells)]) for line in block)]
    spec = "l" + "r" * len(grid.columns)
    return "\n".join([*comments, rf"\begin{{tabular}}{{{spec}}}", top, head, *body, bottom, r"\end{tabular}", ""])


# Replaced character by character, so that no escape is escaped again.
_LATEX = {
    **{sign: f"\\{sign}" for sign in "{}$&#%_"},
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "[": "{[}",  # at the start of a row a bracket or a star would be an argument of the row before
    "]": "{]}",
    "*": "{*}",
    "–": "--",
    "—": "---",
    "…": r"\dots{}",
    "±": r"$\pm$",
    "−": "$-$",
    "×": r"$\times$",
    "·": r"$\cdot$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "≠": r"$\neq$",
    "≈": r"$\approx$",
    "√": r"$\surd$",
    "→": r"$\rightarrow$",
    "└": r"\quad{}",
    # Marks of the states of a run.
    "◦": r"$\circ$",
    "▸": r"$\triangleright$",
    "■": r"\rule{1ex}{1ex}",
    "✗": r"$\times$",
    "✓": r"$\surd$",
    "α": r"$\alpha$",
    "β": r"$\beta$",
    "γ": r"$\gamma$",
    "δ": r"$\delta$",
    "ε": r"$\epsilon$",
    "η": r"$\eta$",
    "λ": r"$\lambda$",
    "μ": r"$\mu$",
    "σ": r"$\sigma$",
    "τ": r"$\tau$",
}


def latex_text(text: str) -> str:
    """Escape text for LaTeX."""
    return "".join(_LATEX.get(character, character) for character in safe_text(text))


def _heads(grid: Grid) -> list[str]:
    return [text.replace(HELD, " ") for text in (grid.corner, *grid.columns)]


def _latex_row(texts: Sequence[str]) -> str:
    return " & ".join(latex_text(text) for text in texts) + r" \\"


def _markdown_text(text: str) -> str:
    """Escape text for a Markdown table."""
    return "".join(f"\\{character}" if character in "\\|*_`<>[~$&#" else character for character in safe_text(text))
