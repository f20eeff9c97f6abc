from pathlib import Path

import pytest
from pydantic import ValidationError

from pedigree.audit.event_types import EventType
from pedigree.catalog.records import TrainingOrigin
from pedigree.errors import (
    InvalidArtifactError,
    InvalidNameError,
    ModelNotFoundError,
    NameTakenError,
    UnknownFlavorError,
    VersionNotFoundError,
)
from pedigree.lineage.environment import environment_hash
from pedigree.registry import Registry
from tests.factories import (
    COMMIT,
    SIGNATURE,
    artifact,
    new_version,
    promote_to_production,
    register,
    register_candidate,
)
from tests.maintenance.collecting import require_sound


def test_a_version_carries_all_that_it_was_registered_with(
    registry: Registry, tmp_path: Path
) -> None:
    packages = ("numpy==2.4.6", "scikit-learn==1.9.1")
    new = new_version(
        environment=packages,
        metrics={"auc": 0.9},
        params={"depth": 3},
        tags={"team": "growth"},
        owners=("ann@example.com",),
        description="who leaves",
        ci_build="build-7",
        training_data_version="2026-01",
        validation_dataset_id="holdout-1",
        risk_class="limited",
    )
    done = registry.register("churn", artifact(tmp_path / "a"), new)
    version = done.version
    assert done.created
    assert version.reference == "churn/1"
    assert version.artifact_uri == f"pedigree://artifacts/{registry.manifest('churn/1').digest}"
    assert version.signature == SIGNATURE
    assert version.git_commit == COMMIT
    assert version.metrics == {"auc": 0.9}
    assert version.params == {"depth": 3}
    assert version.tags == {"team": "growth"}
    assert version.owners == ("ann@example.com",)
    assert version.stage == "none"
    assert version.created_at.tzinfo is not None
    assert version.created_by == "tester"
    assert version.created_by_source == "PEDIGREE_ACTOR"
    assert version.environment_hash == environment_hash(packages)
    assert registry.environment("churn/1") == packages
    assert registry.get("churn@latest") == version
    declared = version.model_dump(include=set(type(new.metadata).model_fields))
    assert declared == new.metadata.model_dump()


def test_a_hash_that_is_not_the_packages_own_is_refused() -> None:
    with pytest.raises(ValidationError, match="environment_hash"):
        new_version(environment=("a==1",), environment_hash=environment_hash(["b==2"]))


def test_the_same_bytes_from_two_runs_are_one_version_with_both_runs_in_its_provenance(
    registry: Registry, tmp_path: Path
) -> None:
    first = registry.register("churn", artifact(tmp_path / "a"), new_version(run_id="run-1"))
    second = registry.register("churn", artifact(tmp_path / "b"), new_version(run_id="run-2"))
    assert (first.created, second.created) == (True, False)
    assert first.version.version_id == second.version.version_id == 1
    assert [t.metadata.run_id for t in registry.trainings("churn/1")] == ["run-1", "run-2"]
    assert registry.get("churn/1").run_id == "run-1"
    assert registry.get("churn/1").trainings == 2


def test_a_retry_of_one_step_adds_nothing(registry: Registry, tmp_path: Path) -> None:
    new = new_version(origin=TrainingOrigin(step_key="train"))
    first = registry.register("churn", artifact(tmp_path / "a"), new)
    before = registry.events()
    again = registry.register("churn", artifact(tmp_path / "a"), new)
    assert again.training_id == first.training_id
    assert not again.created
    assert registry.events() == before


def test_equal_bytes_with_another_signature_are_another_version(
    registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path, "same")
    wider = SIGNATURE.model_copy(update={"inputs": (*SIGNATURE.inputs, *SIGNATURE.outputs)})
    assert register(registry, tmp_path, "same", signature=wider) == "churn/2"


def test_one_artifact_on_two_models_is_stored_once(registry: Registry, tmp_path: Path) -> None:
    register(registry, tmp_path, "same", name="churn")
    register(registry, tmp_path, "same", name="scoring")
    assert registry.get("churn/1").digest == registry.get("scoring/1").digest
    count = registry.database.fetch_all("SELECT count(*) AS blobs FROM pedigree.blob")
    assert count == [{"blobs": 1}]


def test_a_name_that_differs_by_case_is_refused_with_the_existing_name(
    registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path, "a", name="Churn")
    with pytest.raises(NameTakenError, match="'Churn'"):
        register(registry, tmp_path, "b", name="churn")
    with pytest.raises(ModelNotFoundError):
        registry.get("churn/1")


def test_bad_input_writes_nothing(registry: Registry, tmp_path: Path) -> None:
    good = artifact(tmp_path / "good")
    with pytest.raises(InvalidNameError):
        registry.register("a/b", good, new_version())
    with pytest.raises(UnknownFlavorError):
        registry.register("churn", good, new_version(flavor="abacus"))
    with pytest.raises(InvalidArtifactError):
        registry.register("churn", tmp_path / "nowhere", new_version())
    assert registry.models() == ()
    assert registry.events() == ()
    assert registry.database.fetch_all("SELECT digest FROM pedigree.blob") == []


def test_a_deleted_version_s_number_is_never_reused(registry: Registry, tmp_path: Path) -> None:
    register(registry, tmp_path, "a")
    registry.delete("churn/1", reason="made by mistake")
    with pytest.raises(VersionNotFoundError):
        registry.get("churn/1")
    assert register(registry, tmp_path, "a") == "churn/2"


def test_a_deleted_model_s_name_is_never_reused(registry: Registry, tmp_path: Path) -> None:
    register(registry, tmp_path, "a")
    registry.delete_model("churn", reason="retired")
    with pytest.raises(ModelNotFoundError):
        registry.model("churn")
    with pytest.raises(NameTakenError, match="never used again"):
        register(registry, tmp_path, "b")


def test_registering_archived_bytes_gives_a_notice_and_no_candidate(
    registry: Registry, tmp_path: Path
) -> None:
    first = register_candidate(registry, tmp_path, "a")
    promote_to_production(registry, first)
    promote_to_production(registry, register_candidate(registry, tmp_path, "b"))
    again = registry.register("churn", artifact(tmp_path / "a", "a"), new_version(run_id="run-9"))
    assert again.notice is not None
    assert "archived" in again.notice
    for check in registry.registration_checks("churn"):
        registry.run_check(first, check)
    assert registry.get(first).stage == "archived"


def test_editing_a_version_is_an_event_and_moves_nothing_else(
    registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path, "a", tags={"team": "growth"})
    edited = registry.update("churn/1", description="better words")
    assert (edited.description, edited.tags) == ("better words", {"team": "growth"})
    (event,) = registry.events(types=[EventType.VERSION_UPDATED])
    assert event.body == {"description": "better words"}


def test_models_show_what_their_stages_and_aliases_point_to(
    registry: Registry, tmp_path: Path
) -> None:
    promote_to_production(registry, register_candidate(registry, tmp_path, "a"))
    register_candidate(registry, tmp_path, "b")
    registry.set_alias("churn", "best", 1)
    (model,) = registry.models()
    assert model.stages == {"production": (1,), "candidate": (2,)}
    assert model.aliases == {"best": 1}
    assert model.latest_version == 2


def test_later_metadata_of_the_same_bytes_stays_with_the_training_and_gives_a_notice(
    registry: Registry, tmp_path: Path
) -> None:
    first = new_version(
        description="who leaves",
        owners=("ann@example.com",),
        tags={"team": "growth"},
        metrics={"auc": 0.9, "n": 1},
        params={"depth": 3},
    )
    later = new_version(
        run_id="run-2",
        description="who stays",
        owners=("ben@example.com",),
        tags={"team": "risk"},
        metrics={"auc": 0.8},
        params={"depth": 4},
        risk_class="high",
        risk_assessment_id="r-1",
        drift_monitor_id="d-1",
        datasheet_uri="https://data.example",
    )
    created = registry.register("churn", artifact(tmp_path / "a"), first)
    assert created.notice is None
    again = registry.register("churn", artifact(tmp_path / "a"), later)
    others = (
        "drift_monitor_id, datasheet_uri, description, owners, tags, risk_class,"
        " risk_assessment_id, metrics, params"
    )
    assert again.notice == (
        f"churn/1 has these bytes and keeps its {others}; the training keeps the {others} given now"
    )
    assert again.version.model_copy(update={"trainings": 1}) == created.version
    known = [training.metadata.model_dump() for training in registry.trainings("churn/1")]
    assert known == [first.metadata.model_dump(), later.metadata.model_dump()]
    body = registry.events(types=[EventType.VERSION_TRAINED])[0].body
    assert (body["description"], body["owners"]) == ("who stays", ["ben@example.com"])
    assert registry.search("risk_class = 'high' OR owner = 'ben@example.com'").records == ()
    require_sound(registry)


def test_missing_and_equal_fields_are_not_differences(registry: Registry, tmp_path: Path) -> None:
    values = {"metrics": {"auc": 1e300, "n": 3, "tiny": 5e-324}, "tags": {"team": "growth"}}
    first = new_version(**values, description="who leaves", params={"rate": 1e22, "deep": [1.0]})
    registry.register("churn", artifact(tmp_path / "a"), first)
    same = first.model_copy(
        update={"metadata": first.metadata.model_copy(update={"run_id": "run-2"})}
    )
    assert registry.register("churn", artifact(tmp_path / "a"), same).notice is None
    bare = registry.register("churn", artifact(tmp_path / "a"), new_version(run_id="run-3"))
    assert bare.notice is None


def test_a_run_that_states_other_metadata_the_next_time_has_a_training_for_each(
    registry: Registry, tmp_path: Path
) -> None:
    first = registry.register("churn", artifact(tmp_path / "a"), new_version(description="leaves"))
    registry.update("churn/1", description="who leaves us")
    again = registry.register("churn", artifact(tmp_path / "a"), new_version(description="leaves"))
    assert again.training_id == first.training_id
    assert again.notice == (
        "churn/1 has these bytes and keeps its description;"
        " the training keeps the description given now"
    )
    for _ in range(2):  # the second time it is a retry
        other = new_version(description="stays", metrics={"auc": 0.9})
        again = registry.register("churn", artifact(tmp_path / "a"), other)
        assert again.notice == (
            "churn/1 has these bytes and keeps its description, metrics;"
            " the training keeps the description, metrics given now"
        )
    trainings = registry.trainings("churn/1")
    assert [each.metadata.description for each in trainings] == ["leaves", "stays"]
    assert trainings[1].metadata.metrics == {"auc": 0.9}
    assert again.training_id == trainings[1].training_id
    require_sound(registry)


def test_a_training_from_before_the_migration_agrees_with_its_events(
    registry: Registry, tmp_path: Path
) -> None:
    register(registry, tmp_path, "a", owners=("ann@example.com",), description="who leaves")
    registry.database.transaction(
        lambda it: it.execute(
            "UPDATE pedigree.training SET description = NULL, owners = NULL, tags = NULL"
        )
    )
    (training,) = registry.trainings("churn/1")
    assert (training.metadata.description, training.metadata.owners) == (None, ())
    again = registry.register("churn", artifact(tmp_path / "a", "a"), new_version(owners=("ben",)))
    assert "the training keeps the owners given now" in str(again.notice)
    assert [each.metadata.owners for each in registry.trainings("churn/1")] == [(), ("ben",)]
    require_sound(registry)
