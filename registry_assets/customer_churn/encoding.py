"""Encode a table of customers as numeric features."""

import pandas as pd

CUSTOMER = "customer"
TARGET = "churn"
AREA = "area_code"
# A text with more levels (mlc_churn's 51 states) would add sparse columns without a benefit.
MOST_LEVELS = 10
YES_OR_NO = frozenset({"yes", "no"})


def encode(customers: pd.DataFrame) -> pd.DataFrame:
    """Return one row per customer: its number, its features as ``double``, whether it churned.

    Yes and no become 1 and 0, other texts one column per level. A missing number becomes 0:
    ``wa_churn`` has no total charges for customers who have not been billed yet.
    """
    columns = {CUSTOMER: customers[CUSTOMER].astype("int64")}
    for name in customers.columns.drop([CUSTOMER, TARGET]):
        columns |= _encoded(name, customers[name])
    columns[TARGET] = (customers[TARGET].str.lower() == "yes").astype("int64")
    return pd.DataFrame(columns)


def features_of(encoded: pd.DataFrame) -> pd.DataFrame:
    """Return only the features of a model."""
    return encoded.drop(columns=[CUSTOMER, TARGET], errors="ignore")


def groups_of(encoded: pd.DataFrame) -> pd.DataFrame:
    """Return the groups of customers for which a model should perform equally well.

    For ``mlc_churn`` the area they live in; for ``wa_churn`` their sex and whether they are old.
    """
    areas = encoded.filter(like=f"{AREA}=")
    if areas.shape[1]:
        levels = [str(name).partition("=")[2] for name in areas.idxmax(axis="columns")]
        return pd.DataFrame({AREA: levels}, index=encoded.index)
    return encoded[["female", "senior_citizen"]]


def _encoded(name: str, values: pd.Series) -> dict[str, pd.Series]:
    if pd.api.types.is_numeric_dtype(values):
        return {name: values.fillna(0).astype("float64")}
    levels = sorted(values.unique())
    if {level.lower() for level in levels} <= YES_OR_NO:
        return {name: (values.str.lower() == "yes").astype("float64")}
    if len(levels) > MOST_LEVELS:
        return {}
    return {f"{name}={level}": (values == level).astype("float64") for level in levels}
