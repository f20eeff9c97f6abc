"""Models for the tests, of the flavor generic, so that a training only writes a file."""

from collections.abc import Callable
from typing import Any

import dagster as dg

from pedigree.dagster import TrainedModel, model_asset
from pedigree.lifecycle.records import MetricRule
from pedigree.registry import Registry
from pedigree.signatures.records import Column, ColumnType, Signature

SIGNATURE = Signature(
    inputs=(Column(name="tenure", type=ColumnType.LONG),),
    outputs=(Column(name="churns", type=ColumnType.DOUBLE),),
)
ACCURACY = MetricRule(metric="accuracy")


class Recipe(dg.Config):
    """The config of a training in the tests."""

    content: str = "first"
    accuracy: float = 0.8


def trained(content: str, accuracy: float = 0.8, **more: Any) -> TrainedModel:
    """Return a model that is a file with some text."""
    import tempfile
    from pathlib import Path

    folder = Path(tempfile.mkdtemp())
    (folder / "model.txt").write_text(content)
    return TrainedModel(
        path=folder,
        metrics={"accuracy": accuracy},
        signature=SIGNATURE,
        description="predicts churn",
        owners=["ann@example.com"],
        **more,
    )


def churn_asset(name: str = "churn", **options: Any) -> dg.AssetsDefinition:
    """Return a model asset whose config has the model's content."""

    if "policy" not in options:
        options["champion_metric"] = ACCURACY

    @model_asset(name=name, flavor="generic", **options)
    def churn(config: Recipe) -> TrainedModel:
        return trained(config.content, config.accuracy)

    return churn


def plotted(
    event: dg.AssetMaterialization | dg.AssetObservation | dg.AssetCheckEvaluation,
) -> set[str]:
    """Return the numbers of an event, which Dagster plots over time."""
    numbers = (dg.IntMetadataValue, dg.FloatMetadataValue)
    return {name for name, value in event.metadata.items() if isinstance(value, numbers)}


def recipe(asset: dg.AssetsDefinition, content: str, accuracy: float = 0.8) -> dg.RunConfig:
    """Return the run config that makes an asset with some content."""
    return dg.RunConfig(ops={asset.op.name: Recipe(content=content, accuracy=accuracy)})


Train = Callable[..., dg.ExecuteInProcessResult]


def to_production(registry: Registry, version: int, *, renew: bool = False) -> None:
    """Promote a version of churn through all stages; `renew` what was compared with a champion."""
    if renew:
        registry.operations.checks.renew_verdicts("churn")
    for stage in ("staging", "production"):
        registry.promote(f"churn/{version}", stage)
