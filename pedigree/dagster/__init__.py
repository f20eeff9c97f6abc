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
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pedigree.dagster.asset import model_asset, model_multi_asset
    from pedigree.dagster.bound import BoundRegistry
    from pedigree.dagster.checks import model_checks
    from pedigree.dagster.command import Command
    from pedigree.dagster.component import ModelComponent, RegistryComponent
    from pedigree.dagster.conditions import input_condition, promotion_condition
    from pedigree.dagster.data_versions import content_version
    from pedigree.dagster.datasheets import datasheet_metadata
    from pedigree.dagster.definitions import registry_definitions, registry_resources
    from pedigree.dagster.delivery import deliver
    from pedigree.dagster.drift import drift_asset
    from pedigree.dagster.drift_alerts import alert_drift, drift_check
    from pedigree.dagster.expectations import expectations_check
    from pedigree.dagster.following import follow_lineage
    from pedigree.dagster.inputs import ModelInputs
    from pedigree.dagster.io_manager import ModelIOManager
    from pedigree.dagster.line import registered_name
    from pedigree.dagster.mirror import mirror_changes
    from pedigree.dagster.names import model_key, stage_key
    from pedigree.dagster.outs import ModelOut
    from pedigree.dagster.pipes import reported_model
    from pedigree.dagster.recording import with_lineage
    from pedigree.dagster.reporting import report_model
    from pedigree.dagster.resource import RegistryResource
    from pedigree.dagster.retraining import retrain_like, retrain_stale
    from pedigree.dagster.sensors import promote_due
    from pedigree.dagster.stages import StageConfig, stage_assets
    from pedigree.dagster.step_reads import record_read
    from pedigree.dagster.trained import TrainedModel

__all__ = [
    "BoundRegistry",
    "Command",
    "ModelComponent",
    "ModelIOManager",
    "ModelInputs",
    "ModelOut",
    "RegistryComponent",
    "RegistryResource",
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

# Names are loaded when they are used: the webserver and the daemon need the storage alone.
_MODULES = {
    "BoundRegistry": "bound",
    "Command": "command",
    "ModelComponent": "component",
    "ModelIOManager": "io_manager",
    "ModelInputs": "inputs",
    "ModelOut": "outs",
    "RegistryComponent": "component",
    "RegistryResource": "resource",
    "StageConfig": "stages",
    "TrainedModel": "trained",
    "alert_drift": "drift_alerts",
    "content_version": "data_versions",
    "datasheet_metadata": "datasheets",
    "deliver": "delivery",
    "drift_asset": "drift",
    "drift_check": "drift_alerts",
    "expectations_check": "expectations",
    "follow_lineage": "following",
    "input_condition": "conditions",
    "mirror_changes": "mirror",
    "model_asset": "asset",
    "model_checks": "checks",
    "model_key": "names",
    "model_multi_asset": "asset",
    "promote_due": "sensors",
    "promotion_condition": "conditions",
    "record_read": "step_reads",
    "registered_name": "line",
    "registry_definitions": "definitions",
    "registry_resources": "definitions",
    "report_model": "reporting",
    "reported_model": "pipes",
    "retrain_like": "retraining",
    "retrain_stale": "retraining",
    "stage_assets": "stages",
    "stage_key": "names",
    "with_lineage": "recording",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
