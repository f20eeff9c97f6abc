"""Each month's flights, scored by the version in production."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pandas as pd

from pedigree.catalog.records import ModelVersion
from pedigree.dagster import content_version, input_condition, metadata_keys, stage_key
from pedigree.dagster.capture import event_log
from pedigree.dagster.capture.lineage import event_tags
from registry_assets.flight_delay.flights import GROUP
from registry_assets.flight_delay.model import MODEL
from registry_assets.flight_delay.months import MONTHS
from registry_assets.flight_delay.regression import PREDICTION, departed, features_of

PRODUCTION = stage_key(MODEL, "production")
FLIGHTS = dg.AssetKey("flights")
CODE_VERSION = "1"


@dg.asset(
    group_name=GROUP,
    kinds={"pandas"},
    partitions_def=MONTHS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    ins={"production": dg.AssetIn(PRODUCTION)},
    automation_condition=input_condition(),
    code_version=CODE_VERSION,
    required_resource_keys={"io_manager", "registry"},
    # For one run over many months Dagster gives all of them one data version. So the body stores
    # and reports each month itself, and returns no output.
    output_required=False,
)
def flight_delay_scores(
    context: dg.AssetExecutionContext,
    production: ModelVersion,
    flights: Any,
) -> Iterator[dg.AssetMaterialization]:
    """The expected delay of each flight, in minutes; one run can score twelve months."""
    regression = context.resources.registry.connect().load(production.reference)
    months = context.partition_keys
    # The IO manager returns several months by key, and a single one as plain value.
    frames: dict[str, pd.DataFrame] = flights if len(months) > 1 else {months[0]: flights}
    for month, frame in frames.items():
        scores = _score(regression, frame)
        _keep(context, month, scores)
        yield dg.AssetMaterialization(
            context.asset_key,
            partition=month,
            tags={
                metadata_keys.DATA_VERSION: content_version(scores).value,
                metadata_keys.CODE_VERSION: CODE_VERSION,
                **_provenance(context.instance, month),
            },
            metadata={
                "model": production.reference,
                "digest": production.digest,
                "dagster/row_count": len(scores),
                "mean_expected_delay": float(scores[PREDICTION].mean()),
            },
        )


def _score(regression: Any, flights: pd.DataFrame) -> pd.DataFrame:
    left = departed(flights)
    return pd.DataFrame(
        {
            "time_hour": left["time_hour"],
            "carrier": left["carrier"],
            "flight": left["flight"],
            PREDICTION: regression.predict(features_of(left)),
        }
    )


def _keep(context: dg.AssetExecutionContext, month: str, scores: pd.DataFrame) -> None:
    manager: dg.IOManager = context.resources.io_manager
    with dg.build_output_context(
        asset_key=context.asset_key, partition_key=month, asset_partitions_def=MONTHS
    ) as output:
        manager.handle_output(output, scores)


def _provenance(instance: dg.DagsterInstance, month: str) -> dict[str, str]:
    """Return the tags that Dagster sets when it reports a month."""
    tags: dict[str, str] = {}
    for key, partitions in ((FLIGHTS, [month]), (PRODUCTION, None)):
        if used := event_log.latest(instance, key, partitions):
            tags |= event_tags(key, used.values())
    return tags
