"""Scales: where a number lies in a picture, and which round numbers are written next to it."""

import math
from collections.abc import Iterable
from typing import NamedTuple, Self

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_LARGEST, _SMALLEST = 1e300, 1e-300
# Values that differ by less, in proportion to their size, lie at one place.
_LEAST_SPAN = 1e-9


class Scale(NamedTuple):
    """A range of numbers between two round ones.

    Attributes:
        ticks: The round numbers, ascending; at least two.
    """

    ticks: tuple[float, ...]

    @classmethod
    def over(cls, values: Iterable[float], ticks: int = 3) -> Self:
        """Return a scale that covers finite values in about a number of steps.

        >>> Scale.over([0.811, 0.853]).ticks
        (0.8, 0.82, 0.84, 0.86)
        """
        known = list(values)
        low, high = min(known), max(known)
        largest = max(-low, high)
        if largest > _LARGEST:  # a step between such numbers need not be finite
            return cls((low, high) if low < high else (min(low, 0.0), max(low, 0.0)))
        if largest < _SMALLEST:
            largest, low, high = 1.0, 0.0, 0.0
        if high - low < largest * _LEAST_SPAN:
            low, high = low - largest / 20, high + largest / 20
        step = _step((high - low) / ticks)
        first, last = math.floor(low / step), math.ceil(high / step)
        return cls(tuple(float(f"{each * step:.12g}") for each in range(first, last + 1)))

    def place(self, value: float) -> float:
        """Return where a value lies: 0 at the first tick, 1 at the last one."""
        # Halves, since the difference of two finite numbers need not be finite.
        low, high = self.ticks[0] / 2, self.ticks[-1] / 2
        return (value / 2 - low) / (high - low)


def _step(least: float) -> float:
    """Return the smallest round number that is at least as large."""
    size = 10.0 ** math.floor(math.log10(least))
    return next((each * size for each in _STEPS if each * size >= least), 10 * size)
