"""Encoding of both companies' customers as numbers, without leaking columns."""

import pandas as pd
import pytest

from registry_assets.customer_churn.encoding import CUSTOMER, TARGET, encode, features_of
from registry_assets.datasets import ROW_NUMBER, load


def customers(source: str) -> pd.DataFrame:
    return load("modeldata", source).rename(columns={ROW_NUMBER: CUSTOMER})


@pytest.mark.parametrize(("source", "rows"), [("mlc_churn", 5_000), ("wa_churn", 7_043)])
def test_every_feature_is_a_number_without_a_gap(source: str, rows: int) -> None:
    encoded = encode(customers(source))
    features = features_of(encoded)
    assert len(features) == rows
    assert set(features.dtypes.astype(str)) == {"float64"}
    assert not features.isna().any().any()
    assert set(encoded[TARGET]) == {0, 1}
    assert {CUSTOMER, TARGET}.isdisjoint(features.columns)


def test_a_text_with_many_levels_is_dropped_and_one_with_few_is_one_hot_encoded() -> None:
    columns = set(encode(customers("mlc_churn")).columns)
    assert not any(name.startswith("state") for name in columns)
    assert {name for name in columns if name.startswith("area_code=")} == {
        "area_code=area_code_408",
        "area_code=area_code_415",
        "area_code=area_code_510",
    }


def test_the_two_companies_have_no_common_feature() -> None:
    ours = set(features_of(encode(customers("mlc_churn"))))
    theirs = set(features_of(encode(customers("wa_churn"))))
    assert ours.isdisjoint(theirs)
