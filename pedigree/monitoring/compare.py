"""Compare the profile of served data with the baseline's, column by column."""

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
    """A column, measured, before its p-values are corrected for being many."""

    before: Column
    now: Column
    test: Literal["kolmogorov_smirnov", "chi_square"]
    distance: float
    p_value: float
    missing_p: float


def compare(baseline: DataProfile, today: DataProfile, rule: DriftRule) -> DriftComparison:
    """Say which columns have moved.

    A column is an alarm where a distance reaches its threshold *and* chance alone does not explain
    it: many rows make any difference significant, and few make any distance large. All tests of a
    comparison are one family, corrected by Holm.

    Args:
        baseline: The profile of the training data.
        today: The profile of what is served, made ``like`` the baseline.
        rule: The policy's thresholds, and the columns it leaves out.
    """
    compared = [each for each in baseline.columns if each.name not in rule.leave_out]
    measured = [_measure(before, now) for before, now in _pairs(compared, today)]
    corrected = distances.holm(
        [each.p_value for each in measured] + [each.missing_p for each in measured]
    )
    half = len(measured)
    return DriftComparison(
        columns=tuple(
            _judge(each, p, missing_p, rule)
            for each, p, missing_p in zip(measured, corrected[:half], corrected[half:], strict=True)
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
            held = "holds no such values" if before.name in today.skipped else "is gone"
            yield f"{before.name} {held}"
        elif now.kind != before.kind:
            yield f"{before.name} is {now.kind}, and was {before.kind}"


def bins(column: Column) -> tuple[int, ...]:
    """Return the counts of a column's bins; all values that are not kept are one bin."""
    return column.counts if column.kind == "numeric" else (*column.counts, column.other)


def _measure(before: Column, now: Column) -> _MeasuredColumn:
    ours, theirs = bins(before), bins(now)
    if before.kind == "numeric":
        distance = distances.kolmogorov_smirnov(ours, theirs)
        p_value = distances.kolmogorov_smirnov_p(distance, before.present, now.present)
    else:
        statistic, freedom = distances.chi_square(ours, theirs)
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


def _judge(each: _MeasuredColumn, p_value: float, missing_p: float, rule: DriftRule) -> ColumnDrift:
    ours, theirs = bins(each.before), bins(each.now)
    found = ColumnDrift(
        column=each.before.name,
        role=each.before.role,
        kind=each.before.kind,
        test=each.test,
        psi=distances.psi(ours, theirs),
        jensen_shannon=distances.jensen_shannon(ours, theirs),
        distance=each.distance,
        p_value=p_value,
        missing_before=_share(each.before),
        missing_now=_share(each.now),
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
