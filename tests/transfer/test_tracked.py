"""The facts of a run and a logged model, as an import takes them from MLflow."""

import math

from pedigree.registry import Registry
from pedigree.registry.mlflow_trainings import learnt
from pedigree.sources.mlmodel import StatedModel
from pedigree.transfer.origin_records import (
    OriginFacts,
    OriginLoggedModel,
    OriginRun,
    OriginVersion,
)
from pedigree.transfer.report import Reporting
from pedigree.transfer.tracked import resolved


def test_a_metric_that_the_run_says_is_no_number_is_not_taken_from_the_logged_model(
    registry: Registry,
) -> None:
    facts = OriginFacts(
        run=OriginRun(run_id="R", metrics={"auc": 0.9, "loss": math.nan}),
        logged_model=OriginLoggedModel(model_id="m-1", metrics={"auc": 0.9, "loss": 0.0}),
    )
    reporting = Reporting()
    found = resolved(facts, OriginVersion(name="churn", number=1), reporting)
    taken = learnt(None, {}, found, StatedModel(), registry.context.names)
    assert taken.metadata.metrics == {"auc": 0.9}
    (line,) = reporting.made("mlflow", dry_run=False).lines
    assert (line.name, line.reason) == ("loss", "its value is nan, which is no number")
