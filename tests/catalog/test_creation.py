"""A registration is one look and one call: what it writes and answers, and what intervenes."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic_core import to_json

from pedigree.access.named_records import with_names
from pedigree.artifacts.assemble import list_files
from pedigree.artifacts.blob_upload import put_blob
from pedigree.artifacts.records import ManifestFile
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.audit.verifier.hashes import leaf_hash
from pedigree.catalog.creation import Creation, Supply
from pedigree.catalog.creation_calls import Stages, look
from pedigree.catalog.creation_look import Look
from pedigree.catalog.draft import Draft, WantedVersion
from pedigree.catalog.quarantine_marks import NewMarks
from pedigree.catalog.records import NewVersion, Registration
from pedigree.errors import NameTakenError
from pedigree.flavors.records import Verification, VerificationStatus
from pedigree.lifecycle.policy import default_policy
from pedigree.lifecycle.records import MetricRule
from pedigree.lineage.records import (
    Capture,
    Certainty,
    LineageEdge,
    LineageGraph,
    LineageNode,
    NodeKind,
)
from pedigree.registry import Registry
from tests.catalog.test_search_rows import differences
from tests.factories import (
    new_version,
    promote_to_production,
    register,
    register_candidate,
)
from tests.maintenance.collecting import require_sound
from tests.statements import sent_statements

VERIFIED = Verification(status=VerificationStatus.VERIFIED, reason="it predicts alike")


def listed(registry: Registry, content: bytes) -> list[ManifestFile]:
    """The list of one file whose bytes the registry has."""
    digest = put_blob(registry.database, registry.store, content)
    return [ManifestFile(path="model.bin", size=len(content), digest=digest)]


def of_data(asset: str = "prices") -> LineageGraph:
    """The lineage of a training that read an asset."""
    return LineageGraph(
        nodes=(
            LineageNode(node_id=0, kind=NodeKind.STEP, asset="models/churn"),
            LineageNode(node_id=1, kind=NodeKind.EXTERNAL, asset=asset),
        ),
        edges=(LineageEdge(consumer=0, source=1, capture=Capture.READ, certainty=Certainty.READ),),
    )


def wanted_of(registry: Registry, name: str, content: bytes, new: NewVersion) -> WantedVersion:
    """What `register_files` would ask of the creation."""
    files = listed(registry, content)
    manifest = list_files(new.metadata.flavor, new.metadata.signature, files)
    return WantedVersion(
        name=name, manifest=manifest, new=new, actor=registry.actor(), is_listed=True
    )


def create(
    registry: Registry,
    name: str,
    content: bytes,
    between: Callable[[int], object] = lambda _: None,
    **fields: Any,
) -> Registration:
    """Register bytes; `between` is called after each look, with the number of the look."""
    looks: list[Look] = []

    def supply(seen: Look) -> Supply:
        looks.append(seen)
        between(len(looks))
        return Supply()

    wanted = wanted_of(registry, name, content, new_version(**fields))
    return registry.operations.creator.create(wanted, supply, judge=True).new()


def types_of(registry: Registry, name: str) -> list[str]:
    """The types of a model's events, in their order."""
    return [event.type.value for event in registry.events(model=name)]


def test_a_session_that_began_with_empty_tables_reads_none_of_them_from_end_to_end(
    registry: Registry,
) -> None:
    registry.database.transaction(lambda tx: tx.execute("ANALYZE"))  # the planner knows it
    for number in range(12):
        create(registry, "churn", f"weights {number}".encode())
    registry.database.fetch_all("SELECT pg_stat_force_next_flush()")
    read = registry.database.fetch_all(
        "SELECT relname, seq_tup_read FROM pg_stat_user_tables WHERE relname = ANY (%s)",
        [["event", "model_version", "artifact", "verdict", "tenure", "training"]],
    )
    assert {row["relname"] for row in read if row["seq_tup_read"] > 12} == set()


def test_a_new_version_is_judged_and_a_candidate_as_soon_as_it_exists(registry: Registry) -> None:
    done = create(registry, "churn", b"weights", description="x", owners=("ann",))
    assert done.version.stage == "candidate"
    assert with_names(done.version, registry.context.names) == registry.get("churn/1")
    assert types_of(registry, "churn") == [
        *("model.created", "version.created"),
        *("version.check_recorded",) * 3,
        "version.stage_changed",
    ]
    moved = registry.events(model="churn")[-1]
    assert moved.body["generation"] == done.version.generation == 1
    assert moved.at == done.version.created_at == done.version.stage_since
    assert registry.database.fetch_all("SELECT * FROM pedigree.unjudged") == []
    require_sound(registry)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"params": {"far": 1e300, "near": 1e-300, "whole": 1e16, "deep": [{"a": 2.5}]}},
        {"metrics": {"auc": 1, "far": 1e300}, "tags": {"é": "ü", "long": "x" * 200}},
        {"lineage": of_data(), "environment": ("numpy==2.4.6",), "verification": VERIFIED},
    ],
)
def test_the_answer_is_what_a_read_finds(registry: Registry, fields: dict[str, Any]) -> None:
    registry.quarantine("prices", reason="wrong prices")
    first = create(registry, "churn", b"weights", run_id="run-a")
    assert first.version == registry.get("churn/1")
    for run in ("run-1", "run-2", "run-2"):
        done = create(registry, "churn", b"weights", run_id=run, **fields)
        assert not done.created
        assert done.version == registry.get("churn/1")
    other = create(registry, "churn", b"other weights", **fields)
    assert other.created
    assert other.version == registry.get("churn/2")
    require_sound(registry)


def test_a_repeated_registration_adds_nothing(registry: Registry) -> None:
    first = create(registry, "churn", b"weights")
    events = types_of(registry, "churn")
    again = create(registry, "churn", b"weights")
    assert (again.created, again.training_id) == (False, first.training_id)
    assert len(registry.trainings("churn/1")) == 1
    assert types_of(registry, "churn")[: len(events)] == events


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
keys = texts.filter(lambda text: text.strip() != "")


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    actor=keys,
    description=texts,
    tags=st.dictionaries(keys, texts, max_size=3),
    metrics=st.dictionaries(keys, st.floats(allow_nan=False, allow_infinity=False), max_size=3),
)
def test_every_event_has_its_canonical_bytes_and_search_has_its_version(
    registry: Registry,
    actor: str,
    description: str,
    tags: dict[str, str],
    metrics: dict[str, float],
) -> None:
    named = registry.acting_as(Actor(name=actor, source="PEDIGREE_ACTOR"))
    number = len(registry.versions("churn")) if registry.models() else 0
    done = create(
        named,
        "churn",
        f"{number}".encode(),
        lineage=of_data("élan \u2028"),
        description=description,
        tags=tags,
        metrics=metrics,
    )
    assert done.version == registry.get(done.version.reference)
    rows = registry.database.fetch_all(
        "SELECT canonical, leaf, event_id, at FROM pedigree.event ORDER BY id"
    )
    for row in rows:
        canonical = bytes(row["canonical"])
        content = json.loads(canonical, parse_int=float)  # as every reader of JSON does
        assert rfc8785.dumps(content) == canonical
        assert leaf_hash(canonical) == bytes(row["leaf"])
        assert content["event_id"] == str(row["event_id"])
    assert content["actor"] == {"name": actor, "source": "PEDIGREE_ACTOR"}
    assert differences(registry) == []


def test_a_policy_that_changes_in_between_judges_the_version_anew(registry: Registry) -> None:
    registry.create_model("churn")
    policy = default_policy(MetricRule(metric="auc"))

    def between(look: int) -> None:
        if look == 1:
            registry.set_policy("churn", policy)

    done = create(registry, "churn", b"weights", between, metrics={"auc": 0.9})
    assert done.version.stage == "candidate"
    assert {each.check for each in registry.verdicts("churn/1")} >= {"no_regression"}


def test_a_champion_that_changes_in_between_is_the_one_compared_with(
    registry: Registry, tmp_path: Path
) -> None:
    first = register_candidate(registry, tmp_path, "a")
    second = register_candidate(registry, tmp_path, "b")
    promote_to_production(registry, first)

    def between(look: int) -> None:
        if look == 1:
            registry.rerun_check(second, "signature_compatible")
            promote_to_production(registry, second)

    create(registry, "churn", b"weights", between)
    found = {each.check: each for each in registry.verdicts("churn/3")}
    assert found["signature_compatible"].baseline_digest == registry.get(second).digest


def test_a_version_whose_model_never_rests_is_registered_first_and_judged_then(
    registry: Registry,
) -> None:
    registry.create_model("churn")

    def between(look: int) -> None:
        registry.set_policy("churn", default_policy(MetricRule(metric=f"m{look}")))

    done = create(registry, "churn", b"weights", between, metrics={"m6": 1})
    assert done.version.stage == "none"
    assert registry.get("churn/1").stage == "candidate"


def test_a_policy_with_another_check_leaves_the_version_to_be_judged(registry: Registry) -> None:
    registry.create_model("churn")
    registry.set_policy("churn", default_policy(checks=["card_complete"]))
    assert create(registry, "churn", b"weights").version.stage == "none"
    assert {each.check for each in registry.verdicts("churn/1")} >= {"card_complete"}


def test_a_name_that_is_taken_in_between_is_refused(registry: Registry) -> None:
    with pytest.raises(NameTakenError, match="'Churn'"):
        create(registry, "churn", b"weights", lambda _: registry.create_model("Churn"))
    assert registry.versions("Churn") == ()
    require_sound(registry)


def test_a_model_that_is_created_in_between_is_created_once(registry: Registry) -> None:
    def between(look: int) -> None:
        if look == 1:
            registry.create_model("churn")

    assert create(registry, "churn", b"weights", between).version.version_id == 1
    assert types_of(registry, "churn").count("model.created") == 1


def test_the_same_bytes_registered_in_between_are_one_version(
    registry: Registry, tmp_path: Path
) -> None:
    def between(look: int) -> None:
        if look == 1:
            create(registry, "churn", b"weights", run_id="another run")

    done = create(registry, "churn", b"weights", between)
    assert not done.created
    assert done.version == registry.get("churn/1")
    assert len(registry.trainings("churn/1")) == 2
    register(registry, tmp_path)
    require_sound(registry)


def test_data_that_is_quarantined_in_between_marks_the_version(registry: Registry) -> None:
    def between(look: int) -> None:
        if look == 1:
            registry.quarantine("prices", reason="wrong prices")

    done = create(registry, "churn", b"weights", between, lineage=of_data())
    assert done.version.quarantine_reason == "wrong prices"
    assert done.version.stage == "none"
    assert done.notice == "churn/1 possibly depends on data in quarantine: wrong prices"
    assert done.version == registry.get("churn/1")
    require_sound(registry)


def test_a_candidate_voids_open_approvals_as_each_move_does(
    registry: Registry, tmp_path: Path
) -> None:
    first = register_candidate(registry, tmp_path, "a")
    boss = registry.acting_as(Actor(name="boss", source="PEDIGREE_ACTOR"))
    boss.approve(first, "staging", comment="looked at it")
    assert registry.get(first).approval_status.value == "approved"
    create(registry, "churn", b"weights")
    assert registry.get(first).approval_status.value == "pending"
    moved = [
        event
        for event in registry.events(model="churn")
        if event.type is EventType.VERSION_STAGE_CHANGED
    ][-1]
    assert moved.body["voided"] == [1]
    require_sound(registry)


def test_versions_that_are_registered_at_once_have_numbers_without_a_gap(
    registry: Registry,
) -> None:
    errors: list[Exception] = []

    def work(member: int) -> None:
        try:
            for number in range(4):
                create(registry, "churn", f"{member} {number}".encode())
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(member,)) for member in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    versions = registry.versions("churn")
    assert [each.version_id for each in versions] == list(range(1, 21))
    assert {each.stage for each in versions} == {"candidate"}
    assert types_of(registry, "churn").count("model.created") == 1
    require_sound(registry)


def test_a_thousand_upstream_partitions_are_one_call(registry: Registry) -> None:
    nodes = [LineageNode(node_id=0, kind=NodeKind.STEP, asset="models/churn")]
    edges = []
    for number in range(1, 1001):
        kind = NodeKind.EXTERNAL
        nodes.append(LineageNode(node_id=number, kind=kind, asset="prices", partition=f"{number}"))
        edges.append(
            LineageEdge(consumer=0, source=number, capture=Capture.READ, certainty=Certainty.READ)
        )
    registry.quarantine("prices", "77", reason="late feed")
    graph = LineageGraph(nodes=tuple(nodes), edges=tuple(edges))
    done = create(registry, "churn", b"weights", lineage=graph)
    assert done.version.quarantine_reason == "late feed"
    assert registry.lineage("churn/1") == graph


def test_nobody_creates_a_version_without_a_name(registry: Registry, database_url: str) -> None:
    with (
        psycopg.connect(database_url) as connection,
        pytest.raises(psycopg.Error, match=r"pedigree\.actor"),
    ):
        connection.execute("SELECT pedigree.create_version('{}', '')")


def test_no_document_says_who_acts_or_when(registry: Registry) -> None:
    wanted = wanted_of(registry, "churn", b"weights", new_version())
    found = look(registry.database, wanted, Stages("candidate", "production"), proves=False)
    assert isinstance(found, Look)
    creation = Creation(draft=Draft(wanted=wanted, look=found, marks=NewMarks()))
    said = to_json(creation.supplied(Supply())).decode()
    assert wanted.actor.name not in said
    assert found.at.date().isoformat() not in said


def test_a_version_of_known_bytes_takes_two_statements(registry: Registry) -> None:
    files = listed(registry, b"weights")
    registry.context.actor()  # a process looks up its own pseudonym at most once a second
    with sent_statements() as sent:
        done = registry.register_files("churn", files, new_version())
    assert sent == ["look_before_creation", "create_version"]
    assert done.version.stage == "candidate"
