"""An alarm needs both a distance at its threshold and a significant p-value."""

import numpy as np
import pandas as pd
import pytest

from pedigree.monitoring.compare import compare
from pedigree.monitoring.profile import profile
from pedigree.monitoring.records import (
    CategoricalColumn,
    ColumnDrift,
    DataProfile,
    DriftRule,
    DriftThresholds,
    NumericColumn,
)

RULE = DriftRule()


def numbers(*counts: int, missing: int = 0, name: str = "age") -> DataProfile:
    edges = tuple(float(edge) for edge in range(len(counts) - 1))
    column = NumericColumn(name=name, edges=edges, counts=counts, missing=missing)
    return DataProfile(rows=sum(counts) + missing, columns=(column,))


def categories(missing: int = 0, other: int = 0, **counts: int) -> DataProfile:
    column = CategoricalColumn(
        name="plan",
        values=tuple(counts),
        counts=tuple(counts.values()),
        other=other,
        missing=missing,
    )
    return DataProfile(rows=column.present + missing, columns=(column,))


def found(baseline: DataProfile, today: DataProfile, rule: DriftRule = RULE) -> ColumnDrift:
    (column,) = compare(baseline, today, rule).columns
    return column


def test_equal_data_has_no_distance() -> None:
    for each in (numbers(10, 20, 30, missing=5), categories(a=10, b=20, missing=3, other=2)):
        column = found(each, each)
        assert (column.distance, column.p_value, column.drifted) == (0, 1, False)
        assert (column.psi, column.jensen_shannon) == (0, 0)


def test_a_large_and_significant_difference_is_an_alarm_with_its_reasons() -> None:
    column = found(numbers(500, 300, 200), numbers(200, 300, 500))
    assert column.test == "kolmogorov_smirnov"
    assert column.distance == pytest.approx(0.3)
    assert column.reasons == (
        "PSI 0.550 ≥ 0.2",
        "Jensen-Shannon 0.310 ≥ 0.1",
        "Kolmogorov-Smirnov 0.300 ≥ 0.1",
    )


def test_a_small_but_significant_difference_is_no_alarm() -> None:
    column = found(numbers(500_000, 500_000), numbers(510_000, 490_000))
    assert column.p_value < 1e-6
    assert not column.drifted


def test_a_large_but_insignificant_difference_is_no_alarm() -> None:
    column = found(numbers(4, 3, 2), numbers(2, 3, 4))
    assert column.distance > 0.2
    assert column.p_value > 0.05
    assert not column.drifted


def test_categories_are_compared_by_chi_square_including_new_ones() -> None:
    column = found(categories(a=500, b=500), categories(a=300, b=300, other=400))
    assert column.test == "chi_square"
    assert column.drifted
    assert column.distance > 0.4


def test_more_missing_values_are_a_separate_alarm() -> None:
    column = found(numbers(500, 500, missing=1), numbers(450, 450, missing=100))
    assert column.distance == 0
    assert column.reasons == ("missing values 0.099 ≥ 0.05",)
    assert column.missing_p_value < 1e-6


def test_values_outside_the_training_data_s_range_are_detected() -> None:
    random = np.random.default_rng(3)
    baseline = profile(pd.DataFrame({"age": random.uniform(20, 60, 2000)}))
    today = profile(pd.DataFrame({"age": random.uniform(61, 90, 500)}), like=baseline)
    column = found(baseline, today)
    assert column.distance == 1
    assert column.drifted


def test_a_column_s_own_thresholds_override_the_policy_s() -> None:
    before, now = numbers(600, 400), numbers(400, 600)
    blind = DriftThresholds(psi=None, jensen_shannon=None, distance=None, missing=None)
    assert found(before, now).drifted
    assert not found(before, now, DriftRule(columns={"age": blind})).drifted
    assert found(
        before, now, DriftRule(thresholds=blind, columns={"age": DriftThresholds()})
    ).drifted


def test_calendar_columns_are_excluded() -> None:
    before, now = numbers(500, 500, name="month"), numbers(0, 1000, name="month")
    assert compare(before, now, RULE).columns == ()
    assert compare(before, now, DriftRule(leave_out=())).drifted


def test_a_missing_column_or_a_changed_kind_is_reported() -> None:
    assert compare(numbers(5, 5), DataProfile(rows=0, columns=()), RULE).problems == (
        "age is missing",
    )
    other = categories(a=5).model_copy(
        update={"columns": (categories(a=5).columns[0].model_copy(update={"name": "age"}),)}
    )
    comparison = compare(numbers(5, 5), other, RULE)
    assert comparison.problems == ("age is categorical, but was numeric",)
    assert comparison.drifted


def test_the_p_values_of_a_report_are_corrected_together() -> None:
    alone = found(numbers(500, 500), numbers(460, 540))
    many = DataProfile(
        rows=1000,
        columns=tuple(numbers(500, 500, name=f"c{at}").columns[0] for at in range(10)),
    )
    moved = numbers(460, 540, name="c0").columns[0]
    today = many.model_copy(update={"columns": (moved, *many.columns[1:])})
    first = compare(many, today, RULE).columns[0]
    # one column has two tests, its values and what is missing; ten have twenty
    assert first.p_value == pytest.approx(min(10 * alone.p_value, 1))
