"""A code location that child processes import: its jobs run with one process per step."""

import dagster as dg

from pedigree.dagster import model_checks, registry_resources
from tests.dagster.models import churn_asset


@dg.asset
def customers() -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(data_version=dg.DataVersion("customers-1"))


CHURN = churn_asset(deps=[customers])


def train_job() -> dg.JobDefinition:
    definitions = dg.Definitions(
        assets=[customers, CHURN],
        asset_checks=[model_checks(CHURN)],
        jobs=[dg.define_asset_job("train", executor_def=dg.multiprocess_executor)],
        resources=registry_resources(),
    )
    return definitions.resolve_job_def("train")
