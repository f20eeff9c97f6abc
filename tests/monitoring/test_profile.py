"""A profile compared with numpy and pandas on the raw values."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest

from pedigree.errors import InvalidInputError
from pedigree.monitoring.profile import BINS, TOP, profile
from pedigree.monitoring.records import CategoricalColumn, ColumnRole, DataProfile, NumericColumn
from tests.lazy import lazy

ibis = lazy("ibis")


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Numbers with missing values and ties, strings, booleans and dates."""
    random = np.random.default_rng(1)
    delay = random.gamma(2, 10, 1000).round() - 15
    delay[::50] = np.nan
    carrier = random.choice(["AA", "UA", "B6", None], 1000, p=[0.5, 0.3, 0.1, 0.1])
    return pd.DataFrame(
        {
            "delay": delay,
            "carrier": carrier,
            "cancelled": random.random(1000) < 0.1,
            "zip": random.integers(0, 80, 1000),
            "at": datetime.datetime(2013, 1, 1, tzinfo=datetime.UTC),
        }
    )


@pytest.fixture(scope="module")
def baseline(frame: pd.DataFrame) -> DataProfile:
    return profile(frame, categorical=["zip"], prediction="cancelled")


def test_a_numeric_column_has_quantiles_and_a_histogram(
    frame: pd.DataFrame, baseline: DataProfile
) -> None:
    column = baseline.column("delay")
    assert isinstance(column, NumericColumn)
    values = frame["delay"].dropna().to_numpy()
    assert baseline.rows == 1000
    assert column.missing == 20
    assert column.mean == pytest.approx(values.mean())
    assert column.deviation == pytest.approx(values.std(ddof=1))
    assert column.quantiles == pytest.approx(np.quantile(values, np.linspace(0, 1, BINS + 1)))
    edges = [-np.inf, *column.edges, np.inf]
    # numpy's bins hold their left edge, ours the right one: so both are turned round
    expected = np.histogram(-values, -np.array(edges)[::-1])[0][::-1]
    assert list(column.counts) == expected.tolist()
    assert (column.counts[0], column.counts[-1]) == (0, 0)


def test_a_categorical_column_has_its_top_values(
    frame: pd.DataFrame, baseline: DataProfile
) -> None:
    carrier, zip_code = baseline.column("carrier"), baseline.column("zip")
    assert isinstance(carrier, CategoricalColumn)
    assert isinstance(zip_code, CategoricalColumn)
    expected = frame["carrier"].value_counts()
    assert dict(zip(carrier.values, carrier.counts, strict=True)) == expected.to_dict()
    assert carrier.values == tuple(expected.index)
    assert carrier.missing == frame["carrier"].isna().sum()
    # of more values than are kept, the rest is one number
    assert len(zip_code.values) == TOP
    assert zip_code.other == 1000 - frame["zip"].value_counts().head(TOP).sum()


def test_booleans_are_categories_and_dates_are_not_profiled(baseline: DataProfile) -> None:
    cancelled = baseline.column("cancelled")
    assert isinstance(cancelled, CategoricalColumn)
    assert set(cancelled.values) == {"true", "false"}
    assert cancelled.role is ColumnRole.PREDICTION
    assert baseline.skipped == ("at",)
    assert baseline.column("at") is None


def test_a_profile_like_another_counts_on_its_edges_and_values(baseline: DataProfile) -> None:
    today = pd.DataFrame(
        {"delay": [-1000.0, 0.0, 1000.0, np.inf], "carrier": ["UA", "XX", None, "XX"], "new": 1}
    )
    found = profile(today, like=baseline)
    delay, carrier = found.column("delay"), found.column("carrier")
    before = baseline.column("delay")
    assert isinstance(delay, NumericColumn)
    assert isinstance(carrier, CategoricalColumn)
    assert isinstance(before, NumericColumn)
    assert delay.edges == before.edges
    assert (delay.counts[0], delay.counts[-1], sum(delay.counts)) == (1, 1, 3)
    assert delay.missing == 1  # a value that is not finite is missing
    assert dict(zip(carrier.values, carrier.counts, strict=True))["UA"] == 1
    assert (carrier.other, carrier.missing) == (2, 1)
    assert found.column("new") is None


def test_a_profile_does_not_depend_on_the_order_of_rows(
    frame: pd.DataFrame, baseline: DataProfile
) -> None:
    shuffled = frame.sample(frac=1, random_state=3)
    again = profile(shuffled, categorical=["zip"], prediction="cancelled")
    # a mean's last digit depends on the order of its sum
    rounded = [
        DataProfile.model_validate_json(
            each.model_copy(update={"columns": each.columns[1:]}).model_dump_json()
        )
        for each in (again, baseline)
    ]
    assert rounded[0] == rounded[1]
    assert again.columns[0].counts == baseline.columns[0].counts


# ibis 12 asks DuckDB 2 for a table's schema by an old name
@pytest.mark.filterwarnings("ignore:fetch_arrow_table")
def test_every_kind_of_frame_has_the_same_profile() -> None:
    pandas = pd.DataFrame({"a": [1.0, 2.0, np.nan, 4.0], "b": ["x", "y", None, "x"]})
    expected = profile(pandas)
    polars = pl.from_pandas(pandas)
    assert profile(polars) == expected
    assert profile(polars.to_arrow()) == expected
    assert profile(ibis.duckdb.connect().create_table("frame", polars.to_arrow())) == expected


def test_a_table_without_rows_or_values_has_a_profile() -> None:
    empty = pl.DataFrame({"a": [], "b": []}, schema={"a": pl.Float64, "b": pl.String})
    found = profile(empty)
    assert found.rows == 0
    assert [column.present for column in found.columns] == [0, 0]
    nulls = profile(pl.DataFrame({"a": [None, None]}, schema={"a": pl.Float64}))
    assert nulls.columns[0].missing == 2
    assert profile(empty, like=found) == found


def test_a_profile_survives_its_json_and_has_one_digest(baseline: DataProfile) -> None:
    again = DataProfile.model_validate_json(baseline.model_dump_json())
    assert again == baseline
    assert again.digest == baseline.digest


def test_an_invalid_table_or_column_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="is not a table"):
        profile(42)
    with pytest.raises(InvalidInputError, match="no such column"):
        profile(pl.DataFrame({"a": [1]}), prediction="b")
