"""Verification in the step of a model asset, and checks before its training."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pytest

from pedigree.dagster import TrainedModel, model_asset
from pedigree.errors import (
    InvalidMetadataError,
    InvalidNameError,
    InvalidSampleError,
    NameTakenError,
    UnverifiedModelError,
)
from pedigree.flavors.records import VerificationStatus
from pedigree.registry import Registry
from tests.dagster.models import SIGNATURE, trained
from tests.factories import new_version
from tests.flavors import saved_models

Materialize = Callable[..., dg.ExecuteInProcessResult]
SAMPLE = np.ones((3, 1))


def asset_of(model: object, **more: Any) -> dg.AssetsDefinition:
    """An asset whose training returns this model."""

    @model_asset(name="churn", flavor="joblib")
    def churn() -> TrainedModel:
        return TrainedModel(model=model, signature=SIGNATURE, **{"sample": SAMPLE, **more})

    return churn


def status_of(registry: Registry) -> VerificationStatus:
    (training,) = registry.trainings("churn/1")
    return training.verification.status


def test_a_model_is_verified_in_its_step(materialize: Materialize, pedigree: Registry) -> None:
    result = materialize(asset_of(saved_models.Constant()))
    assert status_of(pedigree) is VerificationStatus.VERIFIED
    (event,) = result.get_asset_materialization_events()
    sentence = event.materialization.metadata["pedigree/verification"].value
    assert sentence == "verified"
    assert "Verification in a new process:** verified" in pedigree.card("churn/1").markdown


def test_a_model_that_fails_verification_fails_the_step_and_is_not_registered(
    materialize: Materialize, pedigree: Registry
) -> None:
    with pytest.raises(UnverifiedModelError, match=r"the model returns 3\.0.* return 0\.5"):
        materialize(asset_of(saved_models.ForgetsItsValue(3.0)))
    assert pedigree.models() == ()


def test_a_training_can_skip_the_verification(materialize: Materialize, pedigree: Registry) -> None:
    materialize(asset_of(saved_models.ForgetsItsValue(3.0), verify=False))
    assert status_of(pedigree) is VerificationStatus.SKIPPED


def test_a_path_has_no_live_model_to_compare_with(
    materialize: Materialize, pedigree: Registry
) -> None:
    @model_asset(name="churn", flavor="generic")
    def churn() -> TrainedModel:
        return trained("weights")

    materialize(churn)
    assert status_of(pedigree) is VerificationStatus.NOT_POSSIBLE


def test_a_model_of_a_plain_asset_is_verified(materialize: Materialize, pedigree: Registry) -> None:
    @dg.asset(
        io_manager_key="model_io_manager",
        metadata={"pedigree/model": "churn", "pedigree/flavor": "joblib"},
    )
    def plain() -> TrainedModel:
        return TrainedModel(
            model=saved_models.Constant(), sample=SAMPLE, signature=SIGNATURE, metrics={"auc": 0.5}
        )

    materialize(plain)
    assert status_of(pedigree) is VerificationStatus.VERIFIED


def test_an_invalid_sample_raises_a_typed_error(materialize: Materialize) -> None:
    with pytest.raises(InvalidSampleError, match="has no rows"):
        materialize(asset_of(saved_models.Constant(), sample=np.ones((0, 1))))


@pytest.fixture
def never_trained() -> dg.AssetsDefinition:
    """An asset whose training must not start."""

    @model_asset(name="churn", flavor="generic")
    def churn() -> TrainedModel:
        raise AssertionError("the training started")

    return churn


def test_an_unknown_commit_fails_before_the_training(
    materialize: Materialize,
    never_trained: dg.AssetsDefinition,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.delenv("PEDIGREE_GIT_COMMIT")
    for name in ("GITHUB_SHA", "CI_COMMIT_SHA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))  # without git
    with pytest.raises(InvalidMetadataError, match="commit"):
        materialize(never_trained)


def test_a_deleted_or_too_similar_name_fails_before_the_training(
    materialize: Materialize, never_trained: dg.AssetsDefinition, pedigree: Registry, tmp_path: Path
) -> None:
    pedigree.create_model("CHURN")
    with pytest.raises(NameTakenError, match="differs only by case"):
        materialize(never_trained)
    (tmp_path / "weights").write_text("weights")
    pedigree.register("gone", tmp_path / "weights", new_version())
    pedigree.delete_model("gone", reason="a mistake")

    @model_asset(name="gone", flavor="generic")
    def gone() -> TrainedModel:
        raise AssertionError("the training started")

    with pytest.raises(NameTakenError, match="belonged to a deleted model"):
        materialize(gone)


def test_a_partition_without_a_valid_name_fails_before_the_training(
    materialize: Materialize, instance: dg.DagsterInstance
) -> None:
    keys = dg.DynamicPartitionsDefinition(name="keys")

    @model_asset(name="churn", flavor="generic", partitions_def=keys)
    def churn() -> TrainedModel:
        raise AssertionError("the training started")

    long = "k" * 300
    instance.add_dynamic_partitions("keys", [long])
    with pytest.raises(InvalidNameError, match="shorter partition key"):
        materialize(churn, partition_key=long)


def test_a_missing_library_is_logged_before_the_training(
    materialize: Materialize, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pedigree.flavors import generic

    monkeypatch.setattr(generic.GenericFlavor, "libraries", ("no_such_library",), raising=False)
    sentence: list[str] = []

    @model_asset(name="churn", flavor="generic")
    def churn(context: dg.AssetExecutionContext) -> TrainedModel:
        sentence.extend(
            record.user_message for record in context.instance.all_logs(context.run.run_id)
        )
        return trained("weights")

    materialize(churn)
    (warning,) = (each for each in sentence if "no_such_library" in each)
    assert "is not installed. This training can return the path of a saved generic model" in warning
