"""Drift of each month's flights and scores against production's training months."""

from typing import Any

import pandas as pd

from pedigree.dagster import drift_asset
from registry_assets.flight_delay.flights import GROUP, flights
from registry_assets.flight_delay.model import OWNERS, flight_delay
from registry_assets.flight_delay.regression import PREDICTION, departed, features_of

AIRPORTS = ["EWR", "JFK", "LGA"]


def _expect(kind: str, **arguments: Any) -> dict[str, Any]:
    return {"type": f"expect_{kind}", "kwargs": arguments}


SERVED_FLIGHTS = {
    "name": "served flights",
    "expectations": [
        _expect("table_row_count_to_be_between", min_value=1_000),
        _expect("column_values_to_be_in_set", column="origin", value_set=AIRPORTS),
        _expect("column_values_to_not_be_null", column="dep_delay"),
        _expect("column_values_to_be_between", column="distance", min_value=1, max_value=6_000),
    ],
}


@drift_asset(
    model=flight_delay,
    serving=flights,
    expectations={"served_flights": SERVED_FLIGHTS},
    group_name=GROUP,
    owners=OWNERS,
)
def flight_delay_drift(flights: pd.DataFrame, flight_delay_scores: pd.DataFrame) -> pd.DataFrame:
    """Production's inputs and predictions of a month, compared with its training data."""
    predictions = flight_delay_scores[PREDICTION].to_numpy()
    return features_of(departed(flights)).assign(**{PREDICTION: predictions})
