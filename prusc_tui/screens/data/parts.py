"""Parts of the data screen: facts, groups of a split as bars, samples of each group in half blocks."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from core.runs.text import safe_text
from experiments.data.sets import colours_gone, data_sets, facts_of
from prusc_tui.palette import Palette
from prusc_tui.widgets.bars import EIGHTHS, fit

if TYPE_CHECKING:
    from PIL.Image import Image

SMALLEST, LARGEST = 14, 28
"""Width of an image in cells, if the images of a group fit side by side."""
FEW = 12
"""Maximal number of names listed."""


def facts(about: Mapping[str, Any], palette: Palette) -> Text:
    """Name, shape, labels, attributes and other facts of a data set."""
    channels, height, width = about["image_shape"]
    text = Text.assemble((safe_text(about["name"]), f"bold {palette.accent}"))
    gone = colours_gone(about["settings"])
    pairs = [
        ("images", f"{width} × {height}, {channels} channel{'s' * (channels != 1)}{gone}"),
        ("labels", _listed(about["labels"])),
        *((safe_text(name), _listed(values)) for name, values in about["attributes"].items()),
        *((name, safe_text(value)) for name, value in facts_of(about).items()),
    ]
    if any(split.get("published") is not None for split in about["splits"].values()):
        pairs.append(("published", "✓ same, ≠ published count"))
    for name, value in pairs:
        text.append(f"\n{name:<19} ", palette.muted).append(value, palette.text)
    return text


def unread(name: str, sentence: str, palette: Palette) -> Text:
    """A data set that cannot be read yet, and why."""
    text = Text.assemble((safe_text(name), f"bold {palette.accent}"))
    if about := data_sets().get(name):
        text.append(f"\n{about}", palette.muted)
    return text.append(f"\n\n{safe_text(sentence)}", palette.text)


def _listed(names: Sequence[str]) -> str:
    """Names separated by commas, cut if there are many."""
    shown = ", ".join(map(safe_text, names[:FEW]))
    return shown if len(names) <= FEW else f"{shown} … ({len(names):,} in all)"


def split_lines(about: Mapping[str, Any], shown: str, palette: Palette) -> Text:
    """One line per split: number of images, whether it is as published, how often attributes agree with the label."""
    text = Text()
    beside = {name: _mark(split["n"], split.get("published")) for name, split in about["splits"].items()}
    column = max(map(len, beside.values()))
    for name, split in about["splits"].items():
        text.append("\n" if len(text) else "")
        text.append("▸ " if name == shown else "  ", palette.accent)
        text.append(f"{name:<11}{split['n']:>8,}", "bold" if name == shown else palette.text)
        text.append(f"{beside[name]:<{column}}" if column else " images", palette.muted)
        for attribute, share in split["agreement"].items():
            text.append(f"   {safe_text(attribute)} = label ", palette.muted).append(f"{share:.1%}", palette.text)
    return text


def environment_lines(split: Mapping[str, Any], palette: Palette) -> Text:
    """One line per given environment, if there are any: name, images, how often label and shortcut conflict."""
    if not (environments := split["environments"]):
        return Text()
    names = [safe_text(each["name"]) for each in environments]
    wide = max(map(len, ("given environment", *names)))
    text = Text(f"{'given environment':<{wide}}{'images':>10}{'conflicts':>12}", palette.muted)
    for name, each in zip(names, environments, strict=True):
        text.append(f"\n{name:<{wide}}", palette.text)
        text.append(f"{each['n']:>10,}", "bold").append(f"{each['conflict_share']:>12.1%}", palette.text)
    return text


def group_bars(split: Mapping[str, Any], width: int, palette: Palette) -> Text:
    """One line per group: title, count, whether it is as published, share, and share as a bar."""
    titles = [group_title(group) for group in split["groups"]]
    wide = max(map(len, titles), default=0)
    beside = [_mark(group["n"], group.get("published")) for group in split["groups"]]
    column = max(map(len, beside), default=0)
    room = max(4, width - wide - 18 - column)
    most = max((group["share"] for group in split["groups"]), default=0) or 1
    text = Text()
    for title, group, mark in zip(titles, split["groups"], beside, strict=True):
        text.append("\n" if len(text) else "")
        text.append(f"{title:<{wide}}", palette.text)
        text.append(f"{group['n']:>9,}", "bold").append(f"{mark:<{column}}", palette.muted)
        text.append(f"{group['share']:>7.1%}  ", palette.muted)
        full, rest = divmod(round(8 * room * group["share"] / most), 8)
        text.append("█" * full + EIGHTHS[rest], palette.accent)
    return text


def _mark(found: int, expected: int | None) -> str:
    """A mark if the count is the published one, else the published count."""
    if expected is None:
        return ""
    return " ✓" if found == expected else f" ≠ {expected:,}"


def group_title(group: Mapping[str, Any]) -> str:
    """Label and attribute values, such as `0–4 · red`."""
    return safe_text(" · ".join([group["label"], *group["attributes"].values()]))


def samples(
    groups: "Sequence[tuple[str, Sequence[Image]]]", width: int, palette: Palette, *, colour: bool
) -> list[Text]:
    """Images of every group under its title."""
    lines: list[Text] = []
    for title, images in groups:
        lines += [Text("")] if lines else []
        lines += [Text(title, palette.muted), *side_by_side(images, width, colour=colour)]
    return [fit(line, width) for line in lines]


def side_by_side(images: "Sequence[Image]", width: int, *, colour: bool = True) -> list[Text]:
    """As many images as fit into `width` cells with gaps of one cell; dots in terminals without colour."""
    from prusc_tui.widgets.halfblock import dots, half_blocks

    if not images:
        return [Text("no images", "dim")]
    across = max(1, min(LARGEST, width, max(SMALLEST, (width + 1) // len(images) - 1)))
    number = max(1, min(len(images), (width + 1) // (across + 1)))
    down = max(1, round(across * images[0].height / images[0].width / 2))
    draw = half_blocks if colour else dots
    rows = zip(*(draw(image, across, down) for image in images[:number]), strict=True)
    return [Text(" ", end="").join(row) for row in rows]
