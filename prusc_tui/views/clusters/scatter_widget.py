"""The map of a representation on the screen."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from prusc_tui.palette import MARKS, Palette
from prusc_tui.views.clusters.scatter import Category, categories, legend, scatter
from prusc_tui.widgets.bars import fit, heading, ink, safe, wrap
from prusc_tui.widgets.drawing import Drawing

if TYPE_CHECKING:
    from experiments.maps import Map

TITLES = {"pca": "Map by PCA", "tsne": "Map by t-SNE"}
COLOURS = ("label", "cluster", "group", "correctness")
"""What the points can be coloured by."""


class Scatter(Drawing):
    """Points by colour, with a heading, a legend, and a line for what is to be said of the map."""

    DEFAULT_CSS = "Scatter { height: 1fr; width: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._map: Map | None = None
        self._colour = COLOURS[0]
        self._chosen: int | None = None
        self._note = ""

    def show(self, map: "Map | None", colour: str, chosen: int | None, note: str = "") -> None:
        """Show a map; nothing happens where nothing differs.

        Args:
            map: None where there is none yet.
            colour: one of `COLOURS`.
            chosen: the cluster that stands out; None for none.
            note: a sentence under the heading.
        """
        if (map, colour, chosen, note) != (self._map, self._colour, self._chosen, self._note):
            self._map, self._colour, self._chosen, self._note = map, colour, chosen, note
            self.touch()

    def draw(self, width: int, height: int, palette: Palette) -> list[Text]:
        """Heading, note, points, legend."""
        found = self._map
        if found is None:
            title = heading("Map", "of the representation", width, palette)
            return [title, *wrap(ink(self._note, palette.muted), width)][:height]
        kinds, shown = kinds_of(found, self._colour, palette)
        top = [heading(TITLES.get(found.method, "Map"), _facts(found, self._colour), width, palette)]
        if self._note:
            top += wrap(ink(self._note, palette.warn), width)
        below = legend(kinds, shown, width, palette)
        room = height - len(top) - len(below)
        chosen = None if self._chosen is None else [cluster == self._chosen for cluster in found.cluster]
        # Without colour every category needs a mark of its own, at the price of fewer points.
        marks = bool(getattr(self.app, "no_color", False))
        points = scatter(found.x, found.y, kinds, shown, width, max(0, room), chosen=chosen, marks=marks)
        return [*top, *(fit(line, width) for line in points), *below][:height]


def kinds_of(found: "Map", colour: str, palette: Palette) -> tuple[Sequence[int], list[Category]]:
    """Category of every point of a map, and the categories, under one of `COLOURS`."""
    if colour == "correctness" and found.correct is not None:
        right = Category("right", MARKS["done"], palette.good)
        return found.correct, [Category("wrong", MARKS["failed"], palette.bad), right]
    if colour == "group" and found.group is not None:
        return found.group, categories([safe(group) for group in found.groups], palette)
    if colour == "cluster":
        names = [f"cluster {c}" for c in range(max(found.cluster, default=0) + 1)]
        return found.cluster, categories(names, palette)
    return found.label, categories([safe(label) for label in found.labels], palette)


def colours_of(found: "Map | None") -> list[str]:
    """What the points of a map can be coloured by."""
    return [
        colour
        for colour in COLOURS
        if not (colour == "group" and (found is None or found.group is None))
        and not (colour == "correctness" and (found is None or found.correct is None))
    ]


def _facts(found: "Map", colour: str) -> str:
    # Right or wrong is the network of that checkpoint, not the one that the run ends with.
    facts = [f"by {colour} at epoch {found.epoch:g}" if colour == "correctness" else f"by {colour}"]
    if found.explained:
        facts.append(f"{100 * sum(found.explained):.0f} % of variance")
    return " · ".join([*facts, f"{len(found):,} images"])
