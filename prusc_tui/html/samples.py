"""Sample images as they are stored with a run, each as data within the page."""

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.explore.pictures import Samples, Tile, read_conflicts, read_samples
from core.runs.folder import RunFolder
from prusc_tui.html.markup import Markup, joined, tag

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_CONFLICTS = 40
"""Maximum number of conflict samples, the most confident mistakes first."""


def sample_images(folder: RunFolder, titles: Sequence[str]) -> Markup | None:
    """Sample images of every pseudo-group and the conflict samples; None if the run has none.

    Args:
        folder: of the run.
        titles: names of the pseudo-groups.
    """
    samples, conflicts = read_samples(folder), read_conflicts(folder)
    parts: list[Markup] = []
    if conflicts is not None and conflicts.tiles:
        shown = range(min(MOST_CONFLICTS, len(conflicts.tiles)))
        title = f"Conflict samples, the most confident mistakes first: {len(shown)} of {conflicts.total:,}"
        parts += [tag("h3", title), _tiles(conflicts, shown)]
    if samples is not None:
        for cluster, label in dict.fromkeys((tile.cluster, tile.label) for tile in samples.tiles):
            name = titles[cluster] if cluster < len(titles) else str(cluster)
            title = f"Pseudo-group {name}: {samples.labels[label]}"
            parts += [tag("h3", title), _tiles(samples, samples.of(cluster, label))]
    if not parts:
        return None
    return joined([tag("p", "Images of the training split; below each, what the network says.", class_="note"), *parts])


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
