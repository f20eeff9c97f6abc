"""Distances between two binned distributions, and their p-values.

Each function takes counts of the same bins: those of the baseline, then the current ones. If one or
both columns are empty, the distance is 0 and the p-value 1.
"""

import math
from collections.abc import Sequence

from pedigree.libraries import library

Counts = Sequence[int]

# The share of an empty bin, so that its logarithm exists.
_FLOOR = 1e-4
# With fewer expected values in a cell the chi-square distribution does not hold (Cochran, 1954).
_FEWEST_EXPECTED = 5.0


def psi(before: Counts, now: Counts) -> float:
    """Return the population stability index, ``Σ (q - p) ln(q / p)`` over the bins' shares.

    It is 0 for equal shares and symmetric. Source: N. Siddiqi, *Credit Risk Scorecards* (2006),
    chapter 10; the sum is the divergence J of H. Jeffreys (1946). An empty bin gets a share of
    0.0001, and the shares are scaled to sum to 1 again.

    >>> round(psi([50, 50], [60, 40]), 4)
    0.0405
    """
    if not sum(before) or not sum(now):
        return 0.0
    pairs = zip(_floored(before), _floored(now), strict=True)
    return sum((q - p) * math.log(q / p) for p, q in pairs)


def jensen_shannon(before: Counts, now: Counts) -> float:
    """Return the Jensen-Shannon distance to the base 2: from 0, equal, to 1, disjoint.

    It is the root of ``½ Σ p log₂(p / m) + ½ Σ q log₂(q / m)`` with ``m = (p + q) / 2``, which is
    a metric. Source: D. Endres and J. Schindelin, *A new metric for probability distributions*,
    IEEE Trans. Inf. Theory 49 (2003).

    >>> jensen_shannon([1, 0], [0, 1])
    1.0
    """
    if not sum(before) or not sum(now):
        return 0.0
    shares = list(zip(_shares(before), _shares(now), strict=True))
    divergence = 0.0
    for p, q in shares:
        middle = (p + q) / 2
        divergence += sum(share * math.log2(share / middle) for share in (p, q) if share) / 2
    return math.sqrt(min(max(divergence, 0.0), 1.0))


def kolmogorov_smirnov(before: Counts, now: Counts) -> float:
    """Return Kolmogorov-Smirnov's D on the edges of a histogram: ``max |F(e) - G(e)|``.

    Only on the edges, it is at most the D of the raw values, so a test with it is conservative.
    Source: N. Smirnov, *Table for estimating the goodness of fit of empirical distributions*,
    Ann. Math. Stat. 19 (1948).

    >>> kolmogorov_smirnov([1, 1, 0], [0, 1, 1])
    0.5
    """
    total_before, total_now = sum(before), sum(now)
    if not total_before or not total_now:
        return 0.0
    furthest, below_before, below_now = 0.0, 0, 0
    for p, q in zip(before, now, strict=True):
        below_before, below_now = below_before + p, below_now + q
        furthest = max(furthest, abs(below_before / total_before - below_now / total_now))
    return furthest


def kolmogorov_smirnov_p(distance: float, before: int, now: int) -> float:
    """Return the p-value: the probability of at least this D for two samples of these sizes.

    As ``scipy.stats.ks_2samp`` with ``method="asymp"``: the distribution of one sample of the size
    ``n m / (n + m)``. Source: J. Hodges, *The significance probability of the Smirnov two-sample
    test*, Arkiv för Matematik 3 (1958).
    """
    if not before or not now or not distance:
        return 1.0
    size = max(round(before * now / (before + now)), 1)
    return float(library("scipy.stats", extra="monitoring").kstwo.sf(distance, size))


def chi_square(before: Counts, now: Counts) -> tuple[float, int]:
    """Return Pearson's chi-square for "both are of one distribution", and its degrees of freedom.

    Categories with too few expected values are pooled, the rarest first. Source: W. Cochran, *Some
    methods for strengthening the common χ² tests*, Biometrics 10 (1954).
    """
    pooled = _pooled(before, now)
    if len(pooled) < 2:
        return 0.0, 0
    totals = [sum(column) for column in zip(*pooled, strict=True)]
    grand = sum(totals)
    statistic = 0.0
    for row in pooled:
        for count, total in zip(row, totals, strict=True):
            expected = total * sum(row) / grand
            statistic += (count - expected) ** 2 / expected
    return statistic, len(pooled) - 1


def chi_square_p(statistic: float, freedom: int) -> float:
    """Return the p-value: the probability of at least this chi-square."""
    if not freedom:
        return 1.0
    return float(library("scipy.stats", extra="monitoring").chi2.sf(statistic, freedom))


def cramers_v(statistic: float, size: int) -> float:
    """Return Cramér's V of a table with two rows: the root of chi-square by the sample size.

    From 0, independent, to 1. Source: H. Cramér, *Mathematical Methods of Statistics* (1946), 21.9.

    >>> cramers_v(25.0, 100)
    0.5
    """
    return math.sqrt(statistic / size) if size else 0.0


def missing_p(before: tuple[int, int], now: tuple[int, int]) -> float:
    """Return the p-value of the difference of two shares of missing values (Fisher's exact test).

    Each pair is the count of missing and of present values. The test is exact, because the counts
    of missing values may be small.
    Source: R. A. Fisher, *Statistical Methods for Research Workers* (1934), §21.02.
    """
    if not sum(before) or not sum(now) or (before[0] == 0 and now[0] == 0):
        return 1.0
    stats = library("scipy.stats", extra="monitoring")
    return float(stats.fisher_exact([list(before), list(now)]).pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for multiple tests.

    The probability that any of them is below ``alpha`` by chance is at most ``alpha``.
    Source: S. Holm, *A simple sequentially rejective multiple test procedure*, Scand. J. Statist. 6
    (1979); it holds for any dependence between the tests.

    >>> holm([0.01, 0.04, 0.02])
    [0.03, 0.04, 0.04]
    """
    corrected, highest = [1.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min((len(p_values) - rank) * p_values[place], 1.0))
        corrected[place] = highest
    return corrected


def _shares(counts: Counts) -> list[float]:
    total = sum(counts)
    return [count / total for count in counts]


def _floored(counts: Counts) -> list[float]:
    raised = [max(share, _FLOOR) for share in _shares(counts)]
    total = math.fsum(raised)
    return [share / total for share in raised]


def _pooled(before: Counts, now: Counts) -> list[tuple[int, int]]:
    """Pool the rarest categories until each has enough expected values in both rows."""
    rows = sorted((pair for pair in zip(before, now, strict=True) if sum(pair)), key=sum)
    share = min(sum(before), sum(now)) / max(sum(before) + sum(now), 1)
    while len(rows) > 1 and sum(rows[0]) * share < _FEWEST_EXPECTED:
        (a, b), (c, d) = rows[:2]
        rows = sorted([(a + c, b + d), *rows[2:]], key=sum)
    return rows
