"""Coloured digits with or without a patch; the two are independent given the label."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from core.config.section import Fraction
from core.data.settings import Digits

if TYPE_CHECKING:
    import numpy as np

    from core.data.dataset import Images, Integers
    from core.data.digits import Plan


class MultiMnist(Digits):
    """Digits with two spurious attributes at once: a colour and a patch."""

    rank: ClassVar[int] = 4

    name: Literal["multi-mnist"] = "multi-mnist"
    correlation: Fraction = 0.95
    """Share of training images with the colour of their label."""
    saturation: Fraction = 0.5
    """Saturation of the colours, from 0 (white) to 1."""
    patch_correlation: Fraction = 0.95
    """Share of training images on which the patch agrees with the label."""
    patch_size: Annotated[int, Field(ge=2, le=10)] = 5
    """Side of the patch in pixels."""

    def plan(self) -> Plan:
        from core.data.digits import Plan
        from core.data.draw import Attribute
        from core.data.paint import COLOURS, PATCH, paint_colour, paint_patch

        def paint(digits: Images, attributes: Integers, random: np.random.Generator) -> Images:
            images = paint_colour(digits, attributes[:, 0], self.saturation)
            paint_patch(images, attributes[:, 1] == PATCH.index("patch"), self.patch_size, random)
            return images

        colour = Attribute("colour", tuple(COLOURS)[:2], self.correlation)
        return Plan(2, (colour, Attribute("patch", PATCH, self.patch_correlation)), paint)
