"""Coloured digits on black."""

from typing import TYPE_CHECKING, ClassVar, Literal

from core.config.section import Fraction
from core.data.settings import Digits

if TYPE_CHECKING:
    from core.data.digits import Plan


class ColoredMnist(Digits):
    """Digits in a colour that agrees with the label on most training images."""

    rank: ClassVar[int] = 1

    name: Literal["colored-mnist"] = "colored-mnist"
    classes: Literal[2, 5, 10] = 2
    """Number of labels and of colours; 2: digit < 5 and digit ≥ 5."""
    correlation: Fraction = 0.95
    """Share of training images with the colour of their label."""
    saturation: Fraction = 0.5
    """Saturation of the colours, from 0 (white) to 1; the higher, the more a network relies on them."""

    @property
    def n_classes(self) -> int:
        return self.classes

    def plan(self) -> "Plan":
        from core.data.digits import Plan
        from core.data.draw import Attribute
        from core.data.paint import COLOURS, paint_colour

        return Plan(
            self.classes,
            (Attribute("colour", tuple(COLOURS)[: self.classes], self.correlation),),
            lambda digits, attributes, _: paint_colour(digits, attributes[:, 0], self.saturation),
        )
