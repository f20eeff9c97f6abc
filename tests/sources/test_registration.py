"""Versions by a source: pending, sealed, failed or by reference, and what is known of them."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from pedigree.catalog.kept_answers import KeptRequest, NewAnswer
from pedigree.catalog.records import Registration, VersionSource
from pedigree.catalog.seal_states import SealState
from pedigree.errors import (
    InvalidSourceError,
    ModelNotFoundError,
    NotSealedError,
    SourceUnavailableError,
    VersionNotFoundError,
)
from pedigree.lifecycle.policy import open_policy
from pedigree.lifecycle.records import CheckRule, Severity
from pedigree.registry import Registry
from pedigree.registry.pending_registrations import PendingRegistrations
from pedigree.registry.sources import NewSource
from pedigree.settings import Settings
from pedigree.sources.pending import PendingQueue
from pedigree.sources.unanswered import CreationKey, is_unanswered, strike_out
from tests.factories import SIGNATURE, artifact, new_version
from tests.sources.serving import ROUTE, FileServer, serving
from tests.unsealed import by_reference

MLMODEL = b"""flavors: {python_function: {}}
signature:
  inputs: '[{"name": "age", "type": "double"}]'
  outputs: '[{"name": "score", "type": "double"}]'
"""
FILES = {"MLmodel": MLMODEL, "weights.bin": b"weights"}


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder that a rule allows, with a model."""
    folder = tmp_path / "shared"
    for name, content in FILES.items():
        (folder / "model").mkdir(parents=True, exist_ok=True)
        (folder / "model" / name).write_bytes(content)
    return folder


def with_rules(registry: Registry, rules: str, **more: object) -> Registry:
    """The same registry, in a process with such settings."""
    given = {"mlflow_sources": rules, "mlflow_source_networks": "127.0.0.0/8", **more}
    read = Settings.model_validate(given)
    changed = {name: getattr(read, name) for name in given}
    return Registry(registry.database, registry.store, registry.settings.model_copy(update=changed))


@pytest.fixture
def sealing(registry: Registry, shared: Path) -> Registry:
    """A registry that fetches from that folder, with a model."""
    changed = with_rules(registry, f"file://{shared}=seal")
    changed.create_model("churn")
    return changed


def create(registry: Registry, source: str | Path, name: str = "churn", **more: Any) -> str:
    new = NewSource(source=str(source), **more)
    return registry.operations.sources.create(name, new).new().version.reference


def worked(registry: Registry) -> int:
    """Complete all pending versions that wait, as the service does."""
    return PendingRegistrations(registry).run()


def due(registry: Registry) -> None:
    """Let the time of all leases and pauses have passed."""
    registry.database.transaction(
        lambda tx: tx.execute("UPDATE pedigree.pending_work SET due_at = clock_timestamp()")
    )


def test_a_version_is_pending_until_its_bytes_are_sealed(sealing: Registry, shared: Path) -> None:
    reference = create(sealing, shared / "model", description="good", tags={"team": "risk"})
    pending = sealing.get(reference)
    assert (reference, pending.state, pending.digest) == ("churn/1", SealState.PENDING, None)
    assert worked(sealing) == 1
    sealed = sealing.get(reference)
    assert (sealed.state, sealed.flavor, sealed.signature) == (
        SealState.SEALED,
        "mlflow",
        SIGNATURE,
    )
    assert (sealed.description, sealed.tags) == ("good", {"team": "risk"})
    assert (sealed.run_id, sealed.git_commit, sealed.metrics) == (None, None, {})
    streams = {path: sealing.stream(reference, path)[1] for path in FILES}
    assert {path: b"".join(stream) for path, stream in streams.items()} == FILES
    assert {file.path for file in sealing.manifest(reference).files} == FILES.keys()
    source = sealing.operations.sealing.source(reference)
    assert source is not None
    assert (source.source, source.location) == (str(shared / "model"), f"file://{shared}/model")
    assert worked(sealing) == 0
    assert sealing.fsck().ok


def test_the_same_source_twice_is_two_versions_of_one_artifact(
    sealing: Registry, shared: Path
) -> None:
    for number in (1, 2):
        assert create(sealing, shared / "model") == f"churn/{number}"
    assert worked(sealing) == 2
    one, two = sealing.get("churn/1"), sealing.get("churn/2")
    assert one.digest == two.digest is not None


def test_a_folder_that_says_nothing_of_itself_is_of_unknown_flavor(
    sealing: Registry, shared: Path
) -> None:
    (shared / "model" / "MLmodel").unlink()
    reference = create(sealing, shared / "model")
    worked(sealing)
    sealed = sealing.get(reference)
    assert (sealed.state, sealed.flavor, sealed.signature) == (SealState.SEALED, None, None)


def test_a_source_that_cannot_be_registered_fails_with_the_reason(
    sealing: Registry, shared: Path
) -> None:
    (shared / "model" / "link").symlink_to("/etc/passwd")
    reference = create(sealing, shared / "model")
    worked(sealing)
    failed = sealing.get(reference)
    assert failed.state is SealState.FAILED
    assert "link is a link, a device or another special file" in str(failed.state_reason)
    assert create(sealing, shared / "model") == "churn/2"  # its number stays
    assert worked(sealing) == 1


def test_a_version_of_a_deleted_model_is_not_fetched(sealing: Registry, shared: Path) -> None:
    create(sealing, shared / "model")
    sealing.delete("churn/1", reason="by mistake")
    create(sealing, shared / "model")
    sealing.delete_model("churn", reason="by mistake")
    assert worked(sealing) == 0


def test_a_source_that_does_not_answer_is_fetched_again_later(sealing: Registry) -> None:
    with serving({"/pub/model": b"weights"}) as server:
        fetching = with_rules(sealing, f"{server.url}=seal")
        server.answers["/pub/model"] = 503, {}, b""
        reference = create(fetching, f"{server.url}/pub/model")
        worked(fetching)
        assert fetching.get(reference).state is SealState.PENDING
        server.answers.clear()
        due(fetching)
        worked(fetching)
        assert fetching.get(reference).state is SealState.SEALED


def test_a_source_that_never_answers_fails_at_last(sealing: Registry) -> None:
    with serving({}) as server:
        fetching = with_rules(sealing, f"{server.url}=seal")
        server.answers["/pub/model"] = 503, {}, b""
        reference = create(fetching, f"{server.url}/pub/model")
        for _ in range(7):
            due(fetching)
            worked(fetching)
        failed = fetching.get(reference)
    assert failed.state is SealState.FAILED
    assert "status 503" in str(failed.state_reason)


@pytest.mark.parametrize("source", ["s3://elsewhere/model", "dbfs:/model", "models:/m-1"])
def test_what_no_rule_fetches_is_by_reference(registry: Registry, source: str) -> None:
    registry.create_model("churn")
    model_id = source.removeprefix("models:/") if "m-1" in source else None
    reference = create(registry, source, run_id="R", model_id=model_id)
    version = registry.get(reference)
    assert (version.state, version.digest) == (SealState.REFERENCE, None)
    assert "tester says" in str(version.state_reason)
    assert version.run_id is None  # what the client claims is no training
    known = registry.operations.sealing.source(reference)
    assert known is not None
    assert (known.source, known.run_id) == (source, "R")
    assert worked(registry) == 0


def test_a_refused_source_leaves_no_version(registry: Registry) -> None:
    registry.create_model("churn")
    for source in ("/etc/passwd", "https://files.example/x", "s3://b/../c", "runs:/R/x"):
        with pytest.raises(InvalidSourceError):
            create(registry, source)
    assert registry.versions("churn") == ()


def test_the_model_must_exist(registry: Registry) -> None:
    with pytest.raises(ModelNotFoundError):
        create(registry, "s3://elsewhere/model")


@pytest.fixture
def trained(registry: Registry, tmp_path: Path) -> Registry:
    """A registry with a registered version, and a model for copies."""
    registry.register("churn", artifact(tmp_path / "model"), new_version(metrics={"auc": 0.75}))
    registry.create_model("copies")
    return registry


def test_a_version_of_this_registry_is_copied_without_a_fetch(trained: Registry) -> None:
    trained.set_alias("churn", "best", 1)
    original = trained.get("churn/1")
    for number, source in enumerate(
        ("models:/churn/1", "models:/churn@best", "models:/churn/latest"), start=1
    ):
        reference = create(trained, source, name="copies", tags={"from": source})
        copied = trained.get(reference)
        assert (copied.version_id, copied.state) == (number, SealState.SEALED)
        assert copied.digest == original.digest
        assert (copied.signature, copied.run_id) == (original.signature, original.run_id)
        assert (copied.metrics, copied.tags) == ({"auc": 0.75}, {"from": source})
        known = trained.operations.sealing.source(reference)
        assert known is not None
        assert known.source == "models:/churn/1"
    assert trained.fsck().ok


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("models:/churn/2", VersionNotFoundError),
        ("models:/nothing/1", ModelNotFoundError),
        ("models:/churn/Production", VersionNotFoundError),
    ],
)
def test_a_version_that_does_not_exist_is_not_copied(
    trained: Registry, source: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        create(trained, source, name="copies")
    assert trained.versions("copies") == ()


def test_a_copy_does_not_claim_another_run(trained: Registry) -> None:
    for claim in ({"run_id": "other"}, {"model_id": "m-1"}):
        with pytest.raises(InvalidSourceError, match="must match the referenced model version"):
            create(trained, "models:/churn/1", name="copies", **claim)
    assert create(trained, "models:/churn/1", name="copies", run_id="run-1") == "copies/1"


def test_a_prompt_is_no_source(trained: Registry) -> None:
    trained.update_model("churn", tags={"mlflow.prompt.is_prompt": "true"})
    with pytest.raises(InvalidSourceError, match="Prompt versions cannot be used"):
        create(trained, "models:/churn/1", name="copies")


def test_a_copy_of_a_reference_is_a_reference(trained: Registry) -> None:
    create(trained, "s3://elsewhere/model", name="copies")
    reference = create(trained, "models:/copies/1", name="copies")
    copied = trained.get(reference)
    known = trained.operations.sealing.source(reference)
    assert known is not None
    assert (copied.state, known.location) == (SealState.REFERENCE, "s3://elsewhere/model")


def test_a_copy_of_a_pending_version_waits_for_it(sealing: Registry, shared: Path) -> None:
    create(sealing, shared / "model")
    copied = create(sealing, "models:/churn/1")
    assert sealing.get(copied).state is SealState.PENDING
    worked(sealing)
    due(sealing)
    worked(sealing)
    assert sealing.get(copied).digest == sealing.get("churn/1").digest is not None


def judging(registry: Registry, check: str) -> None:
    """Let new versions of the model pass a check before they can be loaded."""
    rule = CheckRule(name=check, severity=Severity.ERROR)
    policy = open_policy().model_copy(update={"registration": (rule,)})
    registry.set_policy("churn", policy)


def test_a_version_passes_the_checks_of_its_registration(sealing: Registry, shared: Path) -> None:
    judging(sealing, "artifact_intact")
    reference = create(sealing, shared / "model")
    worked(sealing)
    assert sealing.get(reference).state is SealState.SEALED
    assert {(each.check, each.passed) for each in sealing.verdicts(reference)} >= {
        ("artifact_intact", True)
    }
    copied = create(sealing, f"models:/{reference}")
    assert sealing.get(copied).state is SealState.PENDING
    worked(sealing)
    assert sealing.get(copied).digest == sealing.get(reference).digest is not None
    assert sealing.fsck().ok


def test_a_version_that_does_not_pass_fails_with_the_name_of_the_check(
    sealing: Registry, shared: Path
) -> None:
    judging(sealing, "metadata_complete")
    first = create(sealing, shared / "model")
    worked(sealing)
    failed = sealing.get(first)
    assert (failed.state, failed.digest) == (SealState.FAILED, None)
    assert "metadata_complete" in str(failed.state_reason)
    judging(sealing, "artifact_intact")
    second = create(sealing, shared / "model")
    judging(sealing, "metadata_complete")
    worked(sealing)
    assert sealing.get(second).state is SealState.FAILED  # the policy of the moment counts
    assert sealing.fsck().ok


RUN = {
    "info": {"run_id": "R", "artifact_uri": "mlflow-artifacts:/0/R/artifacts", "user_id": "ann"},
    "data": {
        "metrics": [{"key": "auc", "value": 0.75}],
        "params": [{"key": "depth", "value": "3"}],
        "tags": [{"key": "mlflow.source.git.commit", "value": "0123456789abcdef"}],
    },
    "inputs": {"dataset_inputs": [{"dataset": {"name": "customers", "digest": "d1"}}]},
    "outputs": {"model_outputs": [{"model_id": "m-1"}]},
}
LOGGED = {
    "info": {
        "model_id": "m-1",
        "name": "model",
        "artifact_uri": "mlflow-artifacts:/0/models/m-1/artifacts",
        "source_run_id": "R",
    }
}


@pytest.fixture
def upstream() -> Iterator[FileServer]:
    """A tracking server with a run that logged a model."""
    at = f"{ROUTE}/0/models/m-1/artifacts"
    with serving({f"{at}/{name}": content for name, content in FILES.items()}) as server:
        run, model = json.dumps({"run": RUN}).encode(), json.dumps({"model": LOGGED}).encode()
        server.answers["/api/2.0/mlflow/runs/get?run_id=R"] = 200, {}, run
        server.answers["/api/2.0/mlflow/logged-models/m-1"] = 200, {}, model
        yield server


@pytest.mark.parametrize(
    "claim",
    [
        {"source": "models:/m-1", "model_id": "m-1"},
        {"source": "models:/m-1", "model_id": "m-1", "run_id": "R"},
        {"source": "runs:/R/model", "run_id": "R"},
        {"source": "mlflow-artifacts:/0/models/m-1/artifacts", "run_id": "R"},
    ],
)
def test_clients_of_all_ages_get_the_same_version_run_and_lineage(
    registry: Registry, upstream: FileServer, claim: dict[str, str]
) -> None:
    tracked = with_rules(registry, "", mlflow_upstream=upstream.url)
    tracked.create_model("churn")
    reference = create(tracked, **claim)
    worked(tracked)
    version = tracked.get(reference)
    assert (version.state, version.state_reason) == (SealState.SEALED, None)
    assert (version.run_id, version.git_commit, version.git_source) == (
        "R",
        "0123456789abcdef",
        "mlflow",
    )
    assert (version.metrics, version.params) == ({"auc": 0.75}, {"depth": "3"})
    assert version.signature == SIGNATURE
    ((node, edge),) = tracked.lineage(reference).used()
    assert (node.asset, node.data_version) == ("mlflow/datasets/customers", "d1")
    assert not edge.certainty.certain
    assert not tracked.lineage(reference).complete
    (training,) = tracked.trainings(reference)
    assert training.origin.job_name == "mlflow"
    assert training.origin.config == {"mlflow_run": "R", "mlflow_user": "ann"}
    known = tracked.operations.sealing.source(reference)
    assert known is not None
    assert (known.run_id, known.logged_model_id) == ("R", "m-1")
    assert known.location == "mlflow-artifacts:/0/models/m-1/artifacts"
    patched = [path for path in upstream.asked if path.endswith("/tags")]
    assert patched == ["/api/2.0/mlflow/logged-models/m-1/tags"]
    assert tracked.fsck().ok


@pytest.mark.parametrize(
    "claim",
    [
        {"source": "models:/m-1", "model_id": "m-1"},
        {"source": "runs:/R/model", "run_id": "R"},
        {"source": "mlflow-artifacts:/0/models/m-1/artifacts", "run_id": "R"},
    ],
)
def test_a_version_by_reference_is_sealed_by_the_tracking_server(
    registry: Registry, upstream: FileServer, claim: dict[str, str]
) -> None:
    registry.create_model("churn")
    reference = create(registry, **claim)
    assert registry.get(reference).state is SealState.REFERENCE
    with pytest.raises(InvalidSourceError, match="does not fetch"):
        registry.seal(reference)
    tracked = with_rules(registry, "", mlflow_upstream=upstream.url)
    sealed = tracked.seal(reference)
    assert (sealed.state, sealed.run_id, sealed.metrics) == (SealState.SEALED, "R", {"auc": 0.75})
    assert sealed.signature == SIGNATURE
    assert {file.path for file in tracked.manifest(reference).files} == FILES.keys()
    assert tracked.seal(reference) == tracked.get(reference)
    assert tracked.fsck().ok


def test_sealing_asks_the_tracking_server_whose_run_it_is(
    registry: Registry, upstream: FileServer
) -> None:
    registry.create_model("churn")
    reference = create(registry, "mlflow-artifacts:/0/other/artifacts", run_id="R")
    tracked = with_rules(registry, "", mlflow_upstream=upstream.url)
    with pytest.raises(InvalidSourceError, match="must identify the resource"):
        tracked.seal(reference)
    upstream.answers = {path: (503, {}, b"") for path in upstream.answers}
    with pytest.raises(SourceUnavailableError):
        tracked.seal(reference)
    assert tracked.get(reference).state is SealState.REFERENCE


def test_a_version_by_reference_is_sealed_by_the_rules(registry: Registry, shared: Path) -> None:
    registry.create_model("churn")
    place = f"file://{shared}/model"
    source = VersionSource(source=place)
    reference = by_reference(registry, source=source).reference
    with pytest.raises(InvalidSourceError):
        registry.seal(reference)
    sealed = with_rules(registry, f"file://{shared}=seal").seal(reference)
    assert (sealed.state, sealed.flavor) == (SealState.SEALED, "mlflow")


def test_a_copy_of_a_reference_is_sealed_once_the_other_version_is(
    registry: Registry, shared: Path
) -> None:
    registry.create_model("churn")
    create(registry, "s3://elsewhere/model")
    copied = create(registry, "models:/churn/1")
    with pytest.raises(NotSealedError, match="churn/1 is not sealed itself"):
        registry.seal(copied)
    original = registry.seal("churn/1", shared / "model")
    assert registry.seal(copied).digest == original.digest


def test_what_the_run_says_counts_for_the_checks_of_the_registration(
    registry: Registry, upstream: FileServer
) -> None:
    tracked = with_rules(registry, "", mlflow_upstream=upstream.url)
    tracked.create_model("churn")
    judging(tracked, "metadata_complete")
    reference = create(tracked, "models:/m-1", model_id="m-1")
    worked(tracked)
    # MLflow does not record whether the commit had changes.
    assert str(tracked.get(reference).state_reason).endswith("not provided: git_dirty.")


def test_a_run_that_does_not_contain_the_source_is_refused_at_once(
    registry: Registry, upstream: FileServer
) -> None:
    tracked = with_rules(registry, "", mlflow_upstream=upstream.url)
    tracked.create_model("churn")
    with pytest.raises(InvalidSourceError, match="must identify the resource"):
        create(tracked, "mlflow-artifacts:/0/other/artifacts", run_id="R")
    assert tracked.versions("churn") == ()


def test_a_silent_tracking_server_makes_a_version_wait(
    registry: Registry, upstream: FileServer
) -> None:
    answers = dict(upstream.answers)
    upstream.answers = {path: (503, {}, b"") for path in answers}
    tracked = with_rules(registry, "", mlflow_upstream=upstream.url)
    tracked.create_model("churn")
    reference = create(tracked, "models:/m-1", model_id="m-1")
    worked(tracked)
    assert tracked.get(reference).state is SealState.PENDING
    upstream.answers = answers
    due(tracked)
    worked(tracked)
    assert tracked.get(reference).run_id == "R"


def test_a_silent_tracking_server_lets_no_foreign_source_in(
    registry: Registry, upstream: FileServer
) -> None:
    """What could not be asked at the creation is asked before the bytes are fetched."""
    answers = dict(upstream.answers)
    upstream.answers = {path: (503, {}, b"") for path in answers}
    tracked = with_rules(registry, "", mlflow_upstream=upstream.url)
    tracked.create_model("churn")
    reference = create(tracked, "mlflow-artifacts:/0/other/artifacts", run_id="R")
    upstream.answers = answers
    worked(tracked)
    failed = tracked.get(reference)
    assert failed.state is SealState.FAILED
    assert "must identify the resource" in str(failed.state_reason)


def key_of(stated: dict[str, object]) -> CreationKey:
    return CreationKey.of("ann", stated)


def kept(key: CreationKey) -> KeptRequest:
    def answer(done: Registration) -> NewAnswer:
        return NewAnswer(200, {}, json.dumps({"version": done.version.version_id}).encode())

    return KeptRequest(key.principal, key.key, key.fingerprint, answer)


def test_an_unanswered_creation_is_met_by_its_repetition(registry: Registry) -> None:
    registry.create_model("churn")
    new, key = NewSource(source="s3://elsewhere/model"), key_of({"source": "s3://elsewhere/model"})
    operations = registry.operations.sources
    assert operations.create("churn", new, kept(key)).new().version.version_id == 1
    again = operations.create("churn", new, kept(key))
    assert again.registration is None
    assert again.answer is not None
    assert json.loads(again.answer.body) == {"version": 1}
    assert is_unanswered(registry.database, key)
    strike_out(registry.database, key)
    assert not is_unanswered(registry.database, key)
    assert operations.create("churn", new, kept(key)).new().version.version_id == 2


def test_a_version_is_of_one_process_until_its_lease_ends(sealing: Registry, shared: Path) -> None:
    create(sealing, shared / "model")
    queues = [PendingQueue(sealing.database, uuid4()) for _ in range(8)]
    taken = []
    begin = threading.Barrier(8)

    def take(queue: PendingQueue) -> None:
        begin.wait()
        if found := queue.take():
            taken.append((queue, found))

    threads = [threading.Thread(target=take, args=(queue,)) for queue in queues]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ((holder, version),) = taken
    assert holder.renew(version)
    other = next(queue for queue in queues if queue is not holder)
    assert other.take() is None
    assert not other.renew(version)
    due(sealing)  # as if the holder had been killed a lease ago
    assert other.take() == version
    assert not holder.renew(version)
