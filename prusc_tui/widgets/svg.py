"""A screen as a standalone SVG picture."""

import re

_FONTS = re.compile(r"@font-face\s*\{[^}]*\}")


def standalone(picture: str) -> str:
    """Return the picture without web fonts; the viewer's own are used."""
    return _FONTS.sub("", picture)
