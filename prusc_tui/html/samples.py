"""Sample images as they are stored with a run, each as data within the page."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core.explore.look import read_look
from core.explore.pictures import Samples, Tile, read_conflicts, read_samples
from core.runs.folder import RunFolder
from prusc_tui.html.markup import Markup, joined, tag
from prusc_tui.report.look import MAPS, facts_of, title_of

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_LOOKED = 12
"""Maximum number of images of a group with maps."""
MOST_CONFLICTS = 40
"""Maximum number of conflict samples, the most confident mistakes first."""


def sample_images(folder: RunFolder, titles: Sequence[str]) -> Markup | None:
    """What `prusc look` has kept, conflict samples, and samples of every pseudo-group; None if the run has none.

    Args:
        folder: of the run.
        titles: names of the pseudo-groups.
    """
    samples, conflicts = read_samples(folder), read_conflicts(folder)
    parts = [part for file in sorted(folder.path.glob("views/look-*.safetensors")) for part in _looked(file)]
    if conflicts is not None and conflicts.tiles:
        shown = range(min(MOST_CONFLICTS, len(conflicts.tiles)))
        count = f"{len(shown)} of {conflicts.total:,}"
        title = f"Conflict samples of the training split, the most confident mistakes first: {count}"
        parts += [tag("h3", title), _tiles(conflicts, shown)]
    if samples is not None and samples.tiles:
        for cluster, label in dict.fromkeys((tile.cluster, tile.label) for tile in samples.tiles):
            name = titles[cluster] if cluster < len(titles) else str(cluster)
            title = f"Training images of pseudo-group {name}: {samples.labels[label]}"
            parts += [tag("h3", title), _tiles(samples, samples.of(cluster, label))]
    return joined(parts) if parts else None


def _looked(file: Path) -> list[Markup]:
    """Images of a group with what the networks look at."""
    if (look := read_look(file)) is None:
        return []
    blocks = []
    for i, one in enumerate(look.seen[:MOST_LOOKED]):
        tiles = [tag("div", picture(look.picture(i), one.group), f"{one.index} {one.group}", class_="tile")]
        for n, stage in enumerate(look.stages):
            said = f"{stage}: {look.labels[one.predicted[n]]} {100 * one.confidence[n]:.0f} %"
            mark = tag("span", "✓ " if one.right(n) else "✗ ", class_="up" if one.right(n) else "down")
            tiles.append(tag("div", picture(look.overlaid(i, n), said), mark, said, class_="tile"))
        blocks.append(tag("div", *tiles, class_="looked"))
    notes = [tag("p", text, class_="note") for text in (facts_of(look.part(0, MOST_LOOKED)), MAPS)]
    return [tag("h3", title_of(look)), *notes, tag("div", *blocks, class_="looks")]


def picture(image: "Image", text: str) -> Markup:
    """An image as part of the page."""
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return tag("img", src=f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}", alt=text)


def _tiles(samples: Samples, shown: Sequence[int]) -> Markup:
    return tag("div", *(_tile(samples, i) for i in shown), class_="tiles")


def _tile(samples: Samples, i: int) -> Markup:
    tile = samples.tiles[i]
    label, told = samples.labels[tile.label], _told(samples, tile)
    return tag(
        "div",
        picture(samples.tile(i), f"{tile.group or label}: {told}"),
        f"{tile.group or label} ",
        told,
        class_="tile",
    )


def _told(samples: Samples, tile: Tile) -> str:
    """What the network says, and how surely."""
    if tile.predicted is None or tile.confidence is None:
        return "" if tile.correct is None else "✓" if tile.correct else "✗"
    return f"{'✓' if tile.correct else '✗'} {samples.labels[tile.predicted]} {100 * tile.confidence:.0f} %"
