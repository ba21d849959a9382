"""One curve for several runs: their mean, with a band from the least to the greatest of them."""

from array import array
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from prusc_tui.chart.curves import Curve

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray


def mean_curve(curves: Sequence[Curve], name: str, colour: int, key: Hashable) -> Curve:
    """Mean over curves of one number, as far as all of them reach; the band is their minimum and maximum.

    It has the x of the curve with most points; the others are interpolated linearly. x counts from each one's origin.
    """
    import numpy as np

    places = [np.asarray(curve.x[:], dtype=float) - curve.origin for curve in curves]
    longest = max(places, key=len)
    if not all(len(place) for place in places):
        return Curve(name, (), (), colour, key, smooth=curves[0].smooth, band=((), ()))
    begin, end = max(place[0] for place in places), min(place[-1] for place in places)
    x = longest[(longest >= begin) & (longest <= end)]
    columns = zip(places, curves, strict=True)
    values = np.stack([np.interp(x, place, np.asarray(curve.y[:], dtype=float)) for place, curve in columns])
    mean, low, high = (_plain(part) for part in (values.mean(axis=0), values.min(axis=0), values.max(axis=0)))
    return Curve(name, _plain(x), mean, colour, key, smooth=curves[0].smooth, band=(low, high))


def _plain(values: "NDArray[float64]") -> "array[float]":
    out = array("d")
    out.frombytes(values.tobytes())
    return out
