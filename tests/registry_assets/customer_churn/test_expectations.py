"""The Great Expectations suite passes for real customers, and reports what is wrong in others."""

import dagster as dg
import pandas as pd
import pytest

from pedigree.dagster.checks.expectations import validate
from registry_assets.customer_churn.encoding import CUSTOMER, TARGET, encode
from registry_assets.customer_churn.expectations import TRAINING_CUSTOMERS
from registry_assets.datasets import ROW_NUMBER, load


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    return encode(load("modeldata", "mlc_churn").rename(columns={ROW_NUMBER: CUSTOMER}))


def judge(frame: pd.DataFrame) -> dg.AssetCheckResult:
    return validate(frame, TRAINING_CUSTOMERS)


def test_real_customers_meet_every_expectation(customers: pd.DataFrame) -> None:
    assert judge(customers).passed


def test_a_failure_names_the_expectation_and_the_column(customers: pd.DataFrame) -> None:
    broken = customers.assign(**{TARGET: 1})
    broken.loc[1, CUSTOMER] = broken.loc[2, CUSTOMER]
    result = judge(broken)
    assert not result.passed
    failed = result.metadata["failed"].value
    assert isinstance(failed, list)
    assert [(each["type"], each["kwargs"]["column"]) for each in failed] == [
        ("expect_column_values_to_be_unique", CUSTOMER),
        ("expect_column_mean_to_be_between", TARGET),
    ]


def test_too_few_customers_are_refused(customers: pd.DataFrame) -> None:
    assert not judge(customers.head(999)).passed
