"""A screen as an SVG picture that stands on its own."""

import re

_FONTS = re.compile(r"@font-face\s*\{[^}]*\}")


def standalone(picture: str) -> str:
    """Return the picture without the fonts that it would fetch from the net; the viewer's own take their place."""
    return _FONTS.sub("", picture)
