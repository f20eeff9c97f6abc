"""A code location of somebody who uses Pedigree: the README's model, and what scores with it."""

from typing import Any

import dagster as dg
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pedigree.dagster import (
    TrainedModel,
    model_asset,
    promotion_condition,
    registry_definitions,
    stage_key,
)
from pedigree.lifecycle.records import MetricRule


class Training(dg.Config):
    scaled: bool = False


@dg.asset
def patients() -> pd.DataFrame:
    return load_breast_cancer(as_frame=True).frame


@model_asset(name="tumour", flavor="sklearn", champion_metric=MetricRule(metric="accuracy"))
def tumour(config: Training, patients: pd.DataFrame) -> TrainedModel:
    """Is this tumour benign?"""
    train, test = patients[::2], patients[1::2]
    features = list(patients.columns.drop("target"))
    steps = [StandardScaler()] if config.scaled else []
    model = make_pipeline(*steps, LogisticRegression(max_iter=20)).fit(
        train[features], train["target"]
    )
    accuracy = model.score(test[features], test["target"])
    return TrainedModel(model=model, metrics={"accuracy": accuracy}, sample=test[features].head())


@dg.asset(
    ins={"model": dg.AssetIn(stage_key("tumour", "production"))},
    automation_condition=promotion_condition(),
)
def diagnoses(model: Any, patients: pd.DataFrame) -> dg.MaterializeResult[pd.Series]:
    found = model.predict(patients.drop(columns="target"))
    return dg.MaterializeResult(value=pd.Series(found), metadata={"benign": int(found.sum())})


defs = dg.Definitions.merge(
    dg.Definitions(
        assets=[patients, tumour, diagnoses],
        sensors=[
            dg.AutomationConditionSensorDefinition(
                "automation",
                target=dg.AssetSelection.all(),
                default_status=dg.DefaultSensorStatus.RUNNING,
                minimum_interval_seconds=2,
            )
        ],
        executor=dg.in_process_executor,
    ),
    registry_definitions(tumour, interval_seconds=2),
)
