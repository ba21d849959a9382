"""Smoothing of growing curves, computed incrementally."""

from array import array
from collections.abc import Sequence
from math import isfinite

MAX_WEIGHT = 0.99


class Smoothed:
    """Debiased exponential moving average of a growing sequence.

    m_t = w m_{t−1} + (1 − w) v_t with m_0 = 0, shown as m_t / (1 − w^t): the bias correction of Adam (Kingma and Ba
    2015, section 3), which TensorBoard uses for its curves. t counts the finite values; others are
    kept as they are and ignored. The weight w is in [0, 0.99]; 0 leaves the values unchanged; any
    other raises ValueError.
    """

    def __init__(self, weight: float) -> None:
        if not 0 <= weight <= MAX_WEIGHT:
            raise ValueError(f"smoothing weight {weight}")
        self.weight = weight
        self.values = array("d")
        self._mean = 0.0
        self._left = 1.0  # w^t

    def extend(self, values: Sequence[float]) -> None:
        """Append new values."""
        w, mean, left = self.weight, self._mean, self._left
        append = self.values.append
        for value in values:
            if not isfinite(value):
                append(value)
                continue
            mean = w * mean + (1 - w) * value
            left *= w
            append(mean / (1 - left))
        self._mean, self._left = mean, left
