"""Grey digits with or without a coloured square in a corner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from core.config.section import Fraction
from core.data.settings import Digits

if TYPE_CHECKING:
    import numpy as np

    from core.data.dataset import Images, Integers
    from core.data.digits import Plan


class PatchMnist(Digits):
    """Digits; one class mostly has a coloured square near the border, as benign skin lesions do."""

    rank: ClassVar[int] = 2

    name: Literal["patch-mnist"] = "patch-mnist"
    correlation: Fraction = 0.95
    """Share of training images with a patch for digit < 5, or without one for digit ≥ 5."""
    patch_size: Annotated[int, Field(ge=2, le=10)] = 5
    """Side of the square in pixels."""

    def plan(self) -> Plan:
        from core.data.digits import Plan
        from core.data.draw import Attribute
        from core.data.paint import PATCH, paint_grey, paint_patch

        def paint(digits: Images, attributes: Integers, random: np.random.Generator) -> Images:
            images = paint_grey(digits)
            paint_patch(images, attributes[:, 0] == PATCH.index("patch"), self.patch_size, random)
            return images

        return Plan(2, (Attribute("patch", PATCH, self.correlation),), paint)
