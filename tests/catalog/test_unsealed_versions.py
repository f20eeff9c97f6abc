"""Versions without a digest: what they are, how they get their bytes, and what refuses them."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pedigree.access.named_records import with_names
from pedigree.artifacts.records import Manifest
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.catalog.metadata_fields import ApprovalStatus
from pedigree.catalog.records import ModelVersion, VersionSource
from pedigree.catalog.seal_states import SealState
from pedigree.errors import (
    AlreadySealedError,
    BytesMissingError,
    ModelNotFoundError,
    NotSealedError,
    PedigreeError,
)
from pedigree.lifecycle.approval_rules import ApprovalRule
from pedigree.lifecycle.records import Policy, Severity, StageRule, Verdict
from pedigree.registry import Registry
from tests.factories import AUC_POLICY, SIGNATURE, artifact, free_policy, new_version
from tests.maintenance.collecting import require_sound
from tests.unsealed import SOURCE, by_reference, create, failed, sourced, unknown_metadata


def sealed_by(registry: Registry, reference: str, path: Path, **stated: object) -> ModelVersion:
    """Seal a version with the files at a path."""
    registry.operations.sealing.seal_path(reference, path, sourced(**stated))
    return registry.get(reference)


def manifest_of(registry: Registry, reference: str) -> Manifest:
    """The manifest of a sealed version."""
    return registry.manifest(reference)


def test_a_pending_version_has_its_number_from_the_first_moment(registry: Registry) -> None:
    first, second = create(registry), create(registry)
    assert (first.version_id, second.version_id) == (1, 2)
    assert first.state is SealState.PENDING
    assert registry.model("churn").latest_version == 2


def test_nothing_is_invented_of_a_version_of_which_nothing_is_known(registry: Registry) -> None:
    version = create(registry)
    unknown = ("digest", "size", "artifact_uri", "flavor", "signature", "run_id", "git_commit")
    assert [getattr(version, name) for name in unknown] == [None] * len(unknown)
    assert (version.git_dirty, version.git_source, version.trainings) == (None, None, 0)
    assert (version.metrics, version.params) == ({}, {})
    assert registry.trainings("churn/1") == ()


def test_what_is_known_of_the_training_becomes_one(registry: Registry) -> None:
    version = by_reference(registry, run_id="r-1", metrics={"auc": 0.9}, tags={"team": "risk"})
    assert (version.run_id, version.metrics, version.trainings) == ("r-1", {"auc": 0.9}, 1)
    (training,) = registry.trainings(version.reference)
    assert training.metadata.run_id == "r-1"
    assert training.metadata.git_commit is None


def test_a_version_remembers_where_it_comes_from(registry: Registry, tmp_path: Path) -> None:
    source = VersionSource(
        source="models:/m-1",
        location="s3://models/1",
        run_id="r-1",
        run_link="https://mlflow.example/r-1",
        logged_model_id="m-1",
        claimed={"user": "ann", "at": 1},
    )
    version = create(registry, source=source)
    found = registry.operations.sealing.source(version.reference)
    assert with_names(found, registry.context.names) == source
    native = registry.register("other", artifact(tmp_path / "n"), new_version()).version
    assert registry.operations.sealing.source(native.reference) is None


def test_a_version_of_another_protocol_needs_its_model(registry: Registry) -> None:
    with pytest.raises(ModelNotFoundError):
        registry.operations.sealing.create("nobody", sourced())


def test_the_event_of_a_creation_says_the_state_and_the_source(registry: Registry) -> None:
    by_reference(registry)
    (event,) = registry.events(types=[EventType.VERSION_CREATED])
    assert event.body["digest"] is None
    assert event.body["training_id"] is None
    assert event.body["state"] == "reference"
    assert event.body["source"] == SOURCE


def test_a_failed_version_keeps_its_number_and_says_why(registry: Registry) -> None:
    version = failed(registry, reason="s3 says 403")
    assert (version.version_id, version.state) == (1, SealState.FAILED)
    assert version.why_unsealed == "its registration failed: s3 says 403"
    assert create(registry).version_id == 2
    registry.operations.sealing.fail("churn/1", "another reason")
    assert registry.get("churn/1") == version
    assert len(registry.events(types=[EventType.VERSION_REGISTRATION_FAILED])) == 1
    require_sound(registry)


def test_only_a_pending_version_can_fail(registry: Registry, tmp_path: Path) -> None:
    reference = by_reference(registry).reference
    with pytest.raises(NotSealedError):
        registry.operations.sealing.fail(reference, "why")
    sealed_by(registry, reference, artifact(tmp_path / "a"))
    with pytest.raises(AlreadySealedError):
        registry.operations.sealing.fail(reference, "why")


@pytest.mark.parametrize("make", [create, by_reference, failed])
def test_sealing_gives_the_bytes_and_keeps_the_number(
    registry: Registry, tmp_path: Path, make: Callable[[Registry], ModelVersion]
) -> None:
    before = make(registry)
    version = sealed_by(
        registry,
        before.reference,
        artifact(tmp_path / "a"),
        flavor="generic",
        signature=SIGNATURE,
        run_id="r-1",
        metrics={"auc": 0.9},
    )
    assert version.version_id == before.version_id
    assert (version.state, version.state_reason) == (SealState.SEALED, None)
    assert (version.flavor, version.signature) == ("generic", SIGNATURE)
    assert (version.run_id, version.metrics, version.trainings) == ("r-1", {"auc": 0.9}, 1)
    assert version.digest == manifest_of(registry, version.reference).digest
    assert version.size == 7
    registry.pull(version.reference, tmp_path / "pulled")
    assert (tmp_path / "pulled/model.bin").read_text() == "weights"
    require_sound(registry)


def test_a_version_whose_signature_nobody_knows_can_be_sealed(
    registry: Registry, tmp_path: Path
) -> None:
    version = sealed_by(registry, create(registry).reference, artifact(tmp_path / "a"))
    assert (version.state, version.flavor, version.signature) == (SealState.SEALED, None, None)
    with pytest.raises(NotSealedError, match="does not know its flavor"):
        registry.load(version.reference)
    require_sound(registry)


def test_a_training_that_was_known_before_stays(registry: Registry, tmp_path: Path) -> None:
    reference = by_reference(registry, run_id="r-1").reference
    version = sealed_by(registry, reference, artifact(tmp_path / "a"), run_id="r-2")
    assert (version.run_id, version.trainings) == ("r-1", 1)


def test_sealed_is_final(registry: Registry, tmp_path: Path) -> None:
    reference = create(registry).reference
    version = sealed_by(registry, reference, artifact(tmp_path / "a"))
    with pytest.raises(AlreadySealedError, match="final"):
        sealed_by(registry, reference, artifact(tmp_path / "b", "other"))
    assert sealed_by(registry, reference, artifact(tmp_path / "a")) == version
    assert len(registry.events(types=[EventType.VERSION_SEALED])) == 1
    native = registry.register("native", artifact(tmp_path / "n"), new_version()).version
    with pytest.raises(AlreadySealedError):
        sealed_by(registry, native.reference, artifact(tmp_path / "b", "other"))


def test_the_same_bytes_are_two_numbers_of_another_protocol(
    registry: Registry, tmp_path: Path
) -> None:
    native = registry.register("churn", artifact(tmp_path / "a"), new_version()).version
    manifest = manifest_of(registry, native.reference)
    known = {"flavor": native.flavor, "signature": native.signature, "run_id": "r-2"}
    made = registry.operations.sealing.create("churn", sourced(**known), manifest).new().version
    version = registry.get("churn/2")
    assert with_names(made, registry.context.names) == version
    assert (version.digest, version.state) == (native.digest, SealState.SEALED)
    again = registry.register("churn", artifact(tmp_path / "a"), new_version(run_id="r-3"))
    assert (again.version.version_id, again.created) == (1, False)
    require_sound(registry)


def test_without_a_native_version_ours_is_the_lowest_copy(
    registry: Registry, tmp_path: Path
) -> None:
    for _ in range(2):
        reference = create(registry).reference
        sealed_by(
            registry,
            reference,
            artifact(tmp_path / "a"),
            flavor="generic",
            signature=SIGNATURE,
        )
    again = registry.register("churn", artifact(tmp_path / "a"), new_version())
    assert (again.version.version_id, again.created) == (1, False)
    require_sound(registry)


def test_known_bytes_need_no_upload(registry: Registry, tmp_path: Path) -> None:
    native = registry.register("churn", artifact(tmp_path / "n"), new_version()).version
    manifest = manifest_of(registry, native.reference)
    reference = create(registry, "copy").reference
    registry.operations.sealing.seal_known(reference, manifest)
    assert registry.get(reference).digest == native.digest
    missing = Manifest(
        flavor=None,
        signature=None,
        files=(manifest.files[0].model_copy(update={"digest": f"sha256:{'0' * 64}"}),),
    )
    other = create(registry, "copy").reference
    with pytest.raises(BytesMissingError):
        registry.operations.sealing.seal_known(other, missing)
    assert registry.get(other).state is SealState.PENDING
    require_sound(registry)


def test_sealing_moves_the_generation(registry: Registry, tmp_path: Path) -> None:
    reference = by_reference(registry).reference
    before = registry.model("churn").generation
    sealed_by(registry, reference, artifact(tmp_path / "a"))
    assert registry.model("churn").generation == before + 1
    (event,) = registry.events(types=[EventType.VERSION_SEALED])
    assert event.body["generation"] == before + 1


def test_several_who_seal_at_once_seal_it_once(registry: Registry, tmp_path: Path) -> None:
    reference = create(registry).reference
    begin = threading.Barrier(4)
    problems: list[PedigreeError] = []

    def seal(content: str) -> None:
        path = artifact(tmp_path / f"{threading.get_ident()}", content)
        begin.wait()
        try:
            registry.operations.sealing.seal(reference, path)
        except PedigreeError as error:
            problems.append(error)

    threads = [threading.Thread(target=seal, args=(one,)) for one in ("a", "a", "b", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [type(problem) for problem in problems] == [AlreadySealedError] * 2
    assert len(registry.events(types=[EventType.VERSION_SEALED])) == 1
    require_sound(registry)


@pytest.mark.parametrize("make", [create, by_reference, failed])
def test_what_needs_bytes_refuses_and_says_why(
    registry: Registry, tmp_path: Path, make: Callable[[Registry], ModelVersion]
) -> None:
    version = make(registry)
    reference = version.reference
    refused: list[Callable[[], object]] = [
        lambda: registry.pull(reference, tmp_path / "pulled"),
        lambda: registry.load(reference),
        lambda: registry.folder(reference),
        lambda: registry.manifest(reference),
        lambda: registry.verify(reference),
        lambda: registry.snippets(reference),
        lambda: registry.presign(reference),
        lambda: registry.operations.artifacts.stream(reference, "model.bin"),
        lambda: registry.run_check(reference, "artifact_intact"),
    ]
    for refuse in refused:
        with pytest.raises(NotSealedError) as raised:
            refuse()
        assert raised.value.value == reference
        assert version.why_unsealed in str(raised.value)
        assert raised.value.remedy


def test_no_verdict_is_recorded_without_a_digest(registry: Registry) -> None:
    reference = by_reference(registry).reference
    verdict = Verdict(
        check="own", passed=True, severity=Severity.ERROR, digest=f"sha256:{'0' * 64}", summary="ok"
    )
    with pytest.raises(NotSealedError):
        registry.record_verdict(reference, verdict)
    assert registry.verdicts(reference) == ()


@pytest.mark.parametrize("make", [create, failed])
def test_a_version_without_bytes_holds_no_alias(
    registry: Registry, make: Callable[[Registry], ModelVersion]
) -> None:
    make(registry)
    with pytest.raises(NotSealedError, match="no stage and no alias"):
        registry.set_alias("churn", "best", 1)
    assert registry.model("churn").aliases == {}


def test_a_version_by_reference_holds_an_alias(registry: Registry, tmp_path: Path) -> None:
    by_reference(registry)
    registry.set_alias("churn", "best", 1)
    assert registry.get("churn@best").state is SealState.REFERENCE
    require_sound(registry)
    sealed_by(registry, "churn/1", artifact(tmp_path / "a"))
    assert registry.get("churn@best").state is SealState.SEALED
    require_sound(registry)


def test_the_search_finds_what_is_not_sealed(registry: Registry, tmp_path: Path) -> None:
    create(registry)
    by_reference(registry)
    failed(registry)
    registry.register("churn", artifact(tmp_path / "n"), new_version())
    found = {
        text: [each.version_id for each in registry.search(text, order_by="version").records]
        for text in (
            "sealed = false",
            "sealed = true",
            "sealed != true",
            "state = 'pending'",
            "state != 'sealed'",
            "state IN ('failed', 'reference')",
            "digest IS NULL",
            "git_commit IS NULL",
        )
    }
    assert found == {
        "sealed = false": [1, 2, 3],
        "sealed = true": [4],
        "sealed != true": [1, 2, 3],
        "state = 'pending'": [1],
        "state != 'sealed'": [1, 2, 3],
        "state IN ('failed', 'reference')": [2, 3],
        "digest IS NULL": [1, 2, 3],
        "git_commit IS NULL": [1, 2, 3],
    }
    sealed_by(registry, "churn/1", artifact(tmp_path / "a"))
    found_now = registry.search("sealed = false", order_by="version").records
    assert [each.version_id for each in found_now] == [2, 3]


def test_deleted_versions_without_bytes_are_restored_and_collected(registry: Registry) -> None:
    for number, _ in enumerate((create(registry), by_reference(registry), failed(registry)), 1):
        registry.delete(f"churn/{number}", reason="test")
        registry.restore(f"churn/{number}")
    require_sound(registry)
    registry.delete("churn/1", reason="test")
    require_sound(registry)


def test_statistics_count_versions_without_bytes(registry: Registry, tmp_path: Path) -> None:
    create(registry)
    before = registry.stats()
    assert (before.versions, before.logical_bytes) == (1, 0)
    sealed_by(registry, "churn/1", artifact(tmp_path / "a"))
    after = registry.stats()
    assert (after.versions, after.logical_bytes) == (1, 7)
    require_sound(registry)


def test_unknown_metadata_is_what_the_check_names(registry: Registry, tmp_path: Path) -> None:
    create(registry)
    sealed_by(registry, "churn/1", artifact(tmp_path / "a"))
    found = registry.run_check("churn/1", "metadata_complete")
    assert not found.passed
    unknown = [name for name, value in unknown_metadata() if value is None]
    for name in ("flavor", "signature", "run_id", "git_commit", "git_dirty"):
        assert name in unknown
        assert name in found.summary


def test_approvals_of_a_version_without_a_digest_become_void_when_it_is_sealed(
    registry: Registry, tmp_path: Path
) -> None:
    by_reference(registry)
    stages = (
        StageRule(name="production", after=("none",), approvals=ApprovalRule(needed=1)),
        StageRule(name="archived", after=("none", "production")),
    )
    registry.set_policy("churn", Policy(stages=stages))
    ann = Actor(name="ann@example.com", source="test")
    decision = registry.approve("churn/1", "production", comment="good", actor=ann)
    assert decision.digest is None
    assert registry.explain("churn/1", "production").passed
    sealed_by(registry, "churn/1", artifact(tmp_path / "a"))
    assert registry.get("churn/1").approval_status is ApprovalStatus.PENDING
    assert not registry.explain("churn/1", "production").passed
    again = registry.approve("churn/1", "production", comment="good", actor=ann)
    assert again.digest == registry.get("churn/1").digest
    require_sound(registry)


def test_an_unsealed_champion_fails_what_compares_with_it(
    registry: Registry, tmp_path: Path
) -> None:
    by_reference(registry, metrics={"auc": 0.9})
    registry.set_policy("churn", free_policy())
    assert registry.promote("churn/1", "production").digest is None
    registry.set_policy("churn", AUC_POLICY)
    registry.register("churn", artifact(tmp_path / "a"), new_version(metrics={"auc": 0.95}))
    for check in ("signature_compatible", "no_regression"):
        found = registry.run_check("churn/2", check)
        assert not found.passed
        assert "churn/1 has no digest" in found.summary
    assert registry.get("churn/1").data_version == "unsealed:churn/1"
    require_sound(registry)
