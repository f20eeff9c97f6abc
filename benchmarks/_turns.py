"""Compare ways of doing the same by turns, in short blocks.

What slows this machine for a while slows all ways of a round alike, so each round gives ratios of
its own, and their median is compared with a target. The interval of the median is that of the sign
test: it needs no assumption about how ratios are distributed (W. J. Conover, Practical
Nonparametric Statistics, 3.2).
"""

import gc
from collections.abc import Callable, Mapping, Sequence
from math import comb
from statistics import median
from typing import NamedTuple

_CONFIDENCE = 0.95

Block = Callable[[], float]
"""Does some work, and returns what one piece of it cost."""


class Median(NamedTuple):
    """A median of ratios, and the bounds between which it lies with a probability of 95 %."""

    value: float
    low: float
    high: float
    rounds: int

    def __str__(self) -> str:
        return f"95 %: {self.low:.3f} to {self.high:.3f}, {self.rounds} rounds"


class Costs:
    """What one piece of work cost in each round, by the way in which it was done."""

    def __init__(self, rounds: Sequence[Mapping[str, float]]) -> None:
        self._rounds = rounds

    def ratio(self, way: str, base: str) -> Median:
        """Return the median of a way's costs, divided by those of another way in each round."""
        ratios = sorted(each[way] / each[base] for each in self._rounds)
        outside = _outside(len(ratios))
        return Median(median(ratios), ratios[outside], ratios[-1 - outside], len(ratios))

    def has(self, way: str) -> bool:
        """Return whether something was done in this way."""
        return way in self._rounds[0]

    def of(self, way: str) -> float:
        """Return the median cost of a way."""
        return median(each[way] for each in self._rounds)


def by_turns(blocks: Mapping[str, Block], rounds: int, warm_up: int = 2) -> Costs:
    """Run a block of each way in each round, and each way as often at each place of a round.

    Args:
        blocks: A block of each way.
        rounds: The number of rounds.
        warm_up: The number of rounds before, which fill caches and make plans.
    """
    ways, done = list(blocks), []
    for turn in range(warm_up + rounds):
        gc.collect()
        gc.disable()  # a collection would be counted for the block in which it happens
        shift = turn % len(ways)
        done.append({way: blocks[way]() for way in ways[shift:] + ways[:shift]})
        gc.enable()
    return Costs(done[warm_up:])


def _outside(number: int) -> int:
    """Return how many of the sorted ratios lie below the lower bound."""
    outside, probability = 0, 2 * 0.5**number
    while probability <= 1 - _CONFIDENCE:
        outside += 1
        probability += 2 * comb(number, outside) * 0.5**number
    return max(0, outside - 1)
