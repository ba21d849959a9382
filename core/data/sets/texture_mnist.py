"""Grey digits over water or land."""

from typing import TYPE_CHECKING, ClassVar, Literal

from core.config.section import Fraction
from core.data.settings import Digits

if TYPE_CHECKING:
    from core.data.digits import Plan


class TextureMnist(Digits):
    """Digits over one of two textures that mostly agrees with the label, as backgrounds do for birds."""

    rank: ClassVar[int] = 3

    name: Literal["texture-mnist"] = "texture-mnist"
    correlation: Fraction = 0.95
    """Share of training images with the texture of their label."""
    contrast: Fraction = 0.5
    """Brightness of the texture, as a share of full scale."""

    def plan(self) -> "Plan":
        from core.data.digits import Plan
        from core.data.draw import Attribute
        from core.data.paint import TINTS, paint_texture
        from core.data.textures import texture_sheets

        return Plan(
            2,
            (Attribute("texture", tuple(TINTS), self.correlation),),
            lambda digits, attributes, random: paint_texture(
                digits, attributes[:, 0], self.contrast, texture_sheets(self.seed), random
            ),
        )
