"""Comparison of the profile of served data with a baseline, column by column."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pedigree.monitoring import distances
from pedigree.monitoring.records import (
    CategoricalColumn,
    ColumnDrift,
    DataProfile,
    DriftComparison,
    DriftRule,
    DriftThresholds,
    NumericColumn,
)

Column = NumericColumn | CategoricalColumn


@dataclass(frozen=True)
class _MeasuredColumn:
    """The measures of a column, before the correction of p-values for multiple tests."""

    before: Column
    now: Column
    test: Literal["kolmogorov_smirnov", "chi_square"]
    distance: float
    p_value: float
    missing_p: float


def compare(baseline: DataProfile, today: DataProfile, rule: DriftRule) -> DriftComparison:
    """Return which columns have drifted.

    A column is an alarm if a distance reaches its threshold *and* is significant: with many rows
    any difference is significant, and with few rows any distance is large. All tests of a
    comparison are one family, with Holm's correction.

    Args:
        baseline: The profile of the training data.
        today: The profile of the served data, created ``like`` the baseline.
        rule: The policy's thresholds, and the columns that it excludes.
    """
    compared = [column for column in baseline.columns if column.name not in rule.leave_out]
    measured = [_measure(before, now) for before, now in _pairs(compared, today)]
    corrected = distances.holm(
        [column.p_value for column in measured] + [column.missing_p for column in measured]
    )
    half = len(measured)
    return DriftComparison(
        columns=tuple(
            _judge(column, p, missing_p, rule)
            for column, p, missing_p in zip(
                measured, corrected[:half], corrected[half:], strict=True
            )
        ),
        problems=tuple(_problems(compared, today)),
    )


def _pairs(compared: Iterable[Column], today: DataProfile) -> Iterator[tuple[Column, Column]]:
    for before in compared:
        now = today.column(before.name)
        if now is not None and now.kind == before.kind:
            yield before, now


def _problems(compared: Iterable[Column], today: DataProfile) -> Iterator[str]:
    for before in compared:
        now = today.column(before.name)
        if now is None:
            fault = "has a type without a profile" if before.name in today.skipped else "is missing"
            yield f"{before.name} {fault}"
        elif now.kind != before.kind:
            yield f"{before.name} is {now.kind}, but was {before.kind}"


def bins(column: Column) -> tuple[int, ...]:
    """Return the counts of a column's bins; all categories without a count are one bin."""
    return column.counts if column.kind == "numeric" else (*column.counts, column.other)


def _measure(before: Column, now: Column) -> _MeasuredColumn:
    bins_before, bins_now = bins(before), bins(now)
    if before.kind == "numeric":
        distance = distances.kolmogorov_smirnov(bins_before, bins_now)
        p_value = distances.kolmogorov_smirnov_p(distance, before.present, now.present)
    else:
        statistic, freedom = distances.chi_square(bins_before, bins_now)
        distance = distances.cramers_v(statistic, before.present + now.present)
        p_value = distances.chi_square_p(statistic, freedom)
    return _MeasuredColumn(
        before=before,
        now=now,
        test="kolmogorov_smirnov" if before.kind == "numeric" else "chi_square",
        distance=distance,
        p_value=p_value,
        missing_p=distances.missing_p((before.missing, before.present), (now.missing, now.present)),
    )


def _judge(
    measured: _MeasuredColumn, p_value: float, missing_p: float, rule: DriftRule
) -> ColumnDrift:
    bins_before, bins_now = bins(measured.before), bins(measured.now)
    found = ColumnDrift(
        column=measured.before.name,
        role=measured.before.role,
        kind=measured.before.kind,
        test=measured.test,
        psi=distances.psi(bins_before, bins_now),
        jensen_shannon=distances.jensen_shannon(bins_before, bins_now),
        distance=measured.distance,
        p_value=p_value,
        missing_before=_share(measured.before),
        missing_now=_share(measured.now),
        missing_p_value=missing_p,
    )
    reasons = _reasons(found, rule.of(found.column), rule.alpha)
    return found.model_copy(update={"reasons": tuple(reasons)})


def _reasons(found: ColumnDrift, thresholds: DriftThresholds, alpha: float) -> Iterator[str]:
    name = "Kolmogorov-Smirnov" if found.kind == "numeric" else "Cramér's V"
    measures: Sequence[tuple[str, float, float | None, float]] = (
        ("PSI", found.psi, thresholds.psi, found.p_value),
        ("Jensen-Shannon", found.jensen_shannon, thresholds.jensen_shannon, found.p_value),
        (name, found.distance, thresholds.distance, found.p_value),
        (
            "missing values",
            abs(found.missing_now - found.missing_before),
            thresholds.missing,
            found.missing_p_value,
        ),
    )
    for measure, value, threshold, p_value in measures:
        if threshold is not None and value >= threshold and p_value <= alpha:
            yield f"{measure} {value:.3f} ≥ {threshold:g}"


def _share(column: Column) -> float:
    rows = column.present + column.missing
    return column.missing / rows if rows else 0.0
