"""Scales: where a number lies in a picture, and which round numbers are written next to it."""

import math
from collections.abc import Iterable
from typing import NamedTuple, Self

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


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
        if low == high:
            margin = abs(low) / 20 or 1.0
            low, high = low - margin, high + margin
        # Halves, since the difference of two finite numbers need not be finite.
        step = _step((high / 2 - low / 2) / ticks * 2 if abs(high) < 1e300 else math.inf)
        if not math.isfinite(step):
            return cls((low, high))
        first, last = math.floor(low / step), math.ceil(high / step)
        if first == last or not math.isfinite(last * step):
            return cls((low, high))
        digits = max(0, 2 - math.floor(math.log10(step)))
        return cls(tuple(round(step * each, digits) for each in range(first, last + 1)))

    def place(self, value: float) -> float:
        """Return where a value lies: 0 at the first tick, 1 at the last one."""
        low, high = self.ticks[0] / 2, self.ticks[-1] / 2
        return (value / 2 - low) / (high - low)


def _step(least: float) -> float:
    """Return the smallest round number that is at least as large."""
    if not math.isfinite(least):
        return math.inf
    size = 10.0 ** math.floor(math.log10(least))
    return next((each * size for each in _STEPS if each * size >= least), math.inf)
