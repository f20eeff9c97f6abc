"""What the application changes of a model is what the event of the change says."""

from collections.abc import Callable
from typing import Any, NamedTuple

import psycopg
import pytest
from psycopg.types.json import Jsonb

from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.catalog.model_changes import ModelChange, change_model
from pedigree.catalog.store import LockedModel, lock_model
from pedigree.lifecycle.policy import default_policy
from pedigree.lifecycle.records import Verdict
from pedigree.lifecycle.store import SQL
from pedigree.postgres.asker import DatabaseRole
from pedigree.registry import Registry, registry_in
from tests.factories import register
from tests.fencing import Fenced

ANN = Actor(name="ann", source="test")
OTHER_BYTES = "sha256:" + "0" * 64


class Known(NamedTuple):
    """The versions of the tests."""

    registry: Registry
    digest: str


@pytest.fixture
def known(fenced: Fenced) -> Known:
    """A model in a database with the roles: two versions, of which the second has an alias."""
    registry = fenced.registry()
    register(registry, fenced.home, "one")
    reference = register(registry, fenced.home, "two")
    registry.set_alias("churn", "champion", 2)
    return Known(registry, registry.get(reference).digest)


def moved(change: ModelChange, digest: str, **other: Any) -> dict[str, Any]:
    """The body of a version that enters production from no stage; ``other`` replaces parts."""
    return {
        "from": "none",
        "to": "production",
        "digest": digest,
        "generation": change.generation,
        "voided": change.voided,
        "previous_version": None,
        "reason": None,
        "run_id": None,
        "policy_revision": 0,
        **other,
    }


STAGE = EventType.VERSION_STAGE_CHANGED
FORGED: dict[str, Callable[[ModelChange, str], tuple[EventType, dict[str, Any]]]] = {
    "it leaves a stage that it does not hold": lambda change, digest: (
        STAGE,
        moved(change, digest, **{"from": "staging"}),
    ),
    "it has other bytes": lambda change, _: (STAGE, moved(change, OTHER_BYTES)),
    "it counts no move": lambda change, digest: (STAGE, moved(change, digest, generation=1)),
    "it states a later generation": lambda change, digest: (
        STAGE,
        moved(change, digest, generation=99),
    ),
    "another version held the alias": lambda change, digest: (
        EventType.ALIAS_SET,
        {
            "alias": "champion",
            "digest": digest,
            "previous_version": 1,
            "generation": change.generation,
            "voided": change.voided,
            "reason": None,
        },
    ),
    "it removes an alias that it does not hold": lambda change, _: (
        EventType.ALIAS_DELETED,
        {"alias": "gone", "generation": change.generation, "voided": change.voided, "reason": None},
    ),
    "nobody decided": lambda _, digest: (
        EventType.VERSION_APPROVED,
        {
            "digest": digest,
            "from_stage": "none",
            "to_stage": "production",
            "generation": 1,
            "comment": "good",
            "status": "approved",
        },
    ),
    "a description has more": lambda *_: (EventType.VERSION_UPDATED, {"tags": {}, "stage": "x"}),
    "it confirms a stage that it does not hold": lambda *_: (
        EventType.VERSION_UPDATED,
        {"stage_confirmed": "archived"},
    ),
    "a change of a model has more": lambda *_: (EventType.MODEL_UPDATED, {"generation": 0}),
    "the event creates": lambda *_: (EventType.VERSION_CREATED, {}),
}


def state(registry: Registry) -> list[dict[str, Any]]:
    """Everything that a forged change might have changed."""
    return registry.database.fetch_all(
        "SELECT to_jsonb(m) AS model, (SELECT jsonb_agg(v ORDER BY v.version) FROM"
        " pedigree.model_version v) AS versions, (SELECT jsonb_agg(t ORDER BY t.tenure_id) FROM"
        " pedigree.tenure t) AS tenures, (SELECT count(*) FROM pedigree.verdict) AS verdicts,"
        " (SELECT count(*) FROM pedigree.event) AS events FROM pedigree.registered_model m"
    )


def refused(registry: Registry, work: Callable[[LockedModel], object]) -> None:
    """Require that the database refuses a change of the model, and that nothing is changed."""
    before = state(registry)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        registry.database.transaction(lambda transaction: work(lock_model(transaction, "churn")))
    assert state(registry) == before


@pytest.mark.parametrize("what", FORGED)
def test_a_change_is_refused_whose_event_says_something_else_than_the_rows(
    known: Known, what: str
) -> None:
    def forge(model: LockedModel) -> None:
        change = ModelChange(model, ANN)
        event_type, body = FORGED[what](change, known.digest)
        version = None if event_type is EventType.MODEL_UPDATED else 2
        change.add(event_type, body, version=version, ended_by="move", exclusive=False)
        change.apply()

    refused(known.registry, forge)


def test_a_change_is_made_by_who_acts_now_and_for_its_model(known: Known) -> None:
    def write(model: LockedModel, written: dict[str, Any]) -> None:
        event = model.event(EventType.VERSION_UPDATED, {"tags": {}}, version=2, actor=ANN)
        change = {
            "event_id": event.event_id,
            "type": "version.updated",
            "version": 2,
            "canonical": event.canonical().decode(),
        }
        at = written.pop("at", model.at)
        model.transaction.execute(
            "SELECT set_config('pedigree.actor', %s, true),"
            " set_config('pedigree.actor_source', 'test', true)",
            [written.pop("actor", "ann")],
        )
        model.transaction.execute(
            "SELECT pedigree.change_model(%s, %s, %s, 'hole')",
            [model.model_id, Jsonb([change | written]), at],
        )

    for forged in ({"actor": "bob"}, {"version": 1}, {"at": "2020-01-01T00:00:00Z"}):
        refused(known.registry, lambda model, forged=forged: write(model, dict(forged)))  # type: ignore[misc]
    refused(known.registry, lambda model: write(model._replace(name="other"), {}))


def test_a_verdict_is_what_its_event_says(known: Known) -> None:
    failed = Verdict(check="quality", passed=False, digest=known.digest, summary="bad")
    passed = failed.model_copy(update={"passed": True})

    def forge(model: LockedModel) -> None:
        event = model.event(
            EventType.VERSION_CHECK_RECORDED,
            failed.model_dump(mode="json"),
            version=2,
            actor=ANN,
        )
        model.transaction.execute(
            SQL["insert_verdicts"],
            {
                "model_id": model.model_id,
                "version": 2,
                "found": Jsonb([passed.model_dump()]),
                "event_ids": [event.event_id],
                "canonicals": [event.canonical()],
                "at": model.at,
                "actor": ANN.name,
                "actor_source": ANN.source,
            },
        )

    refused(known.registry, forge)


def test_nobody_changes_a_model_that_their_transaction_does_not_see(known: Known) -> None:
    def tag(model: LockedModel) -> None:
        model.transaction.execute("SELECT set_config('pedigree.models', '^fraud$', true)")
        change_model(model, EventType.VERSION_UPDATED, {"tags": {}}, ANN, version=2)

    refused(known.registry, tag)


def test_a_sensor_moves_versions_and_edits_none(known: Known) -> None:
    sensor = registry_in(known.registry.context.in_role(DatabaseRole.SENSOR))
    for event_type, body in (
        (EventType.VERSION_UPDATED, {"tags": {}}),
        (EventType.VERSION_HELD, {"reason": "r"}),
        (EventType.VERSION_RELEASED, {"reason": "r"}),
    ):
        refused(
            sensor,
            lambda model, event_type=event_type, body=body: change_model(  # type: ignore[misc]
                model, event_type, body, ANN, version=2
            ),
        )
    sensor.promote("churn/2", "archived", reason="superseded")
    assert known.registry.get("churn/2").stage == "archived"


def test_all_changes_of_people_behind_the_fence_match_their_events(known: Known) -> None:
    registry = known.registry
    registry.update("churn/2", description="d", owners=["ann"], tags={"team": "risk"})
    registry.update_model("churn", description="m", tags={"a": "b"})
    registry.hold("churn/2", reason="a case")
    registry.lift_hold("churn/2", reason="closed")
    registry.quarantine_version("churn/2", reason="odd")
    registry.delete("churn/1", reason="old")
    registry.restore("churn/1")
    registry.delete_alias("churn", "champion")
    registry.set_policy("churn", default_policy(checks=["metadata_complete"]))
    registry.create_model("fraud", description="new")
    assert registry.get("churn/2").quarantine_reason == "odd"
    assert [check for check in registry.fsck().checks if check.violations] == []
