"""Markup whose every text is escaped: tags are made by `tag` alone, and texts pass through `escape` alone."""

import html
from collections.abc import Iterable

from core.runs.text import safe_text


class Markup(str):
    """Finished markup, which is not escaped again."""

    __slots__ = ()


def escape(text: object) -> Markup:
    """Text as markup: no control characters, and every sign with a meaning in HTML as a reference."""
    return text if isinstance(text, Markup) else Markup(html.escape(safe_text(str(text)), quote=True))


def joined(parts: Iterable[object], between: str = "") -> Markup:
    """Texts and markup one after the other."""
    return Markup(escape(between).join(escape(part) for part in parts if part is not None))


def tag(name: str, /, *children: object, **attributes: object) -> Markup:
    """An element; children and values that are not `Markup` are escaped, and those that are None left out.

    Underscores in names of attributes become hyphens, and one at the end is dropped: `class_`, `stroke_width`.
    """
    pairs = ((key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items() if value is not None)
    head = f"<{name}" + "".join(f' {key}="{escape(value)}"' for key, value in pairs)
    if name in ("img", "meta"):
        return Markup(f"{head}>")
    return Markup(f"{head}>{joined(children)}</{name}>")
