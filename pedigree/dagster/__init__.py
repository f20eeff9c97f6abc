"""Pedigree in the Dagster asset graph.

::

    import dagster as dg
    from pedigree.dagster import TrainedModel, model_asset, registry_definitions, with_lineage

    @model_asset(name="customer_churn", flavor="sklearn")
    def customer_churn(train: pd.DataFrame) -> TrainedModel:
        model = LogisticRegression().fit(train[FEATURES], train["churned"])
        return TrainedModel(model=model, sample=train[FEATURES].head())

    defs = with_lineage(
        dg.Definitions.merge(
            dg.Definitions(assets=[train, customer_churn]), registry_definitions(customer_churn)
        )
    )

All that imports Dagster belongs here, and nothing that works without it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pedigree.dagster.assets.automation_conditions import input_condition, promotion_condition
    from pedigree.dagster.assets.command import Command
    from pedigree.dagster.assets.component import ModelComponent, RegistryComponent
    from pedigree.dagster.assets.datasheets import datasheet_metadata
    from pedigree.dagster.assets.decorator import model_asset, model_multi_asset
    from pedigree.dagster.assets.definitions import registry_definitions
    from pedigree.dagster.assets.drift import drift_asset
    from pedigree.dagster.assets.model_out import ModelOut
    from pedigree.dagster.assets.model_spec import registered_name
    from pedigree.dagster.assets.names import model_key, stage_key
    from pedigree.dagster.assets.pipes import reported_model
    from pedigree.dagster.assets.pipes_client import ReportedModel, report_model
    from pedigree.dagster.assets.stages import StageConfig, stage_assets
    from pedigree.dagster.assets.trained_model import TrainedModel
    from pedigree.dagster.capture.data_versions import content_version
    from pedigree.dagster.capture.inputs import ModelInputs
    from pedigree.dagster.capture.io_recording import with_lineage
    from pedigree.dagster.capture.step_reads import record_read
    from pedigree.dagster.checks.expectations import expectations_check
    from pedigree.dagster.checks.model_checks import model_checks
    from pedigree.dagster.resources.bound_registry import BoundRegistry
    from pedigree.dagster.resources.io_manager import ModelIOManager
    from pedigree.dagster.resources.registry import RegistryResource
    from pedigree.dagster.resources.shared import registry_resources
    from pedigree.dagster.sensors.delivery import deliver
    from pedigree.dagster.sensors.drift_alerts import alert_drift, drift_check
    from pedigree.dagster.sensors.mirror import mirror_changes
    from pedigree.dagster.sensors.promotion import promote_due
    from pedigree.dagster.sensors.retraining import retrain_like, retrain_stale
    from pedigree.dagster.sensors.usage_and_staleness import follow_lineage

__all__ = [
    "BoundRegistry",
    "Command",
    "ModelComponent",
    "ModelIOManager",
    "ModelInputs",
    "ModelOut",
    "RegistryComponent",
    "RegistryResource",
    "ReportedModel",
    "StageConfig",
    "TrainedModel",
    "alert_drift",
    "content_version",
    "datasheet_metadata",
    "deliver",
    "drift_asset",
    "drift_check",
    "expectations_check",
    "follow_lineage",
    "input_condition",
    "mirror_changes",
    "model_asset",
    "model_checks",
    "model_key",
    "model_multi_asset",
    "promote_due",
    "promotion_condition",
    "record_read",
    "registered_name",
    "registry_definitions",
    "registry_resources",
    "report_model",
    "reported_model",
    "retrain_like",
    "retrain_stale",
    "stage_assets",
    "stage_key",
    "with_lineage",
]

# Names load on first use: the webserver and the daemon need only the storage.
_MODULES = {
    "BoundRegistry": "resources.bound_registry",
    "Command": "assets.command",
    "ModelComponent": "assets.component",
    "ModelIOManager": "resources.io_manager",
    "ModelInputs": "capture.inputs",
    "ModelOut": "assets.model_out",
    "RegistryComponent": "assets.component",
    "RegistryResource": "resources.registry",
    "ReportedModel": "assets.pipes_client",
    "StageConfig": "assets.stages",
    "TrainedModel": "assets.trained_model",
    "alert_drift": "sensors.drift_alerts",
    "content_version": "capture.data_versions",
    "datasheet_metadata": "assets.datasheets",
    "deliver": "sensors.delivery",
    "drift_asset": "assets.drift",
    "drift_check": "sensors.drift_alerts",
    "expectations_check": "checks.expectations",
    "follow_lineage": "sensors.usage_and_staleness",
    "input_condition": "assets.automation_conditions",
    "mirror_changes": "sensors.mirror",
    "model_asset": "assets.decorator",
    "model_checks": "checks.model_checks",
    "model_key": "assets.names",
    "model_multi_asset": "assets.decorator",
    "promote_due": "sensors.promotion",
    "promotion_condition": "assets.automation_conditions",
    "record_read": "capture.step_reads",
    "registered_name": "assets.model_spec",
    "registry_definitions": "assets.definitions",
    "registry_resources": "resources.shared",
    "report_model": "assets.pipes_client",
    "reported_model": "assets.pipes",
    "retrain_like": "sensors.retraining",
    "retrain_stale": "sensors.retraining",
    "stage_assets": "assets.stages",
    "stage_key": "assets.names",
    "with_lineage": "capture.io_recording",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
