"""Each run of `fsck` is an event, and what it found is returned in any case."""

import logging

import pytest

from pedigree.access.grants import Grant
from pedigree.access.principal import Principal
from pedigree.access.records import PERMISSIONS, Role
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.errors import DatabaseUnavailableError, NotPermittedError
from pedigree.registry import Registry, registry_in


def test_each_run_is_an_event_and_the_newest_is_known(registry: Registry) -> None:
    runs = registry.operations.fsck
    assert runs.newest_run() is None
    report = registry.fsck()
    first = runs.newest_run()
    assert first is not None
    assert (first.actor, first.hashes, first.violated) == ("tester", False, {})
    assert first.looked_at == sum(each.looked_at for each in report.checks)
    statement = "UPDATE pedigree.registered_model SET next_version = 9"
    registry.create_model("counted wrongly")
    registry.database.transaction(lambda transaction: transaction.execute(statement))
    registry.fsck(hashes=True)
    second = runs.newest_run()
    assert second is not None
    assert (second.hashes, second.violated) == (True, {"versions_gapless": 1})
    assert second.at > first.at
    events = registry.events(types=[EventType.REGISTRY_CHECKED])
    assert [each.at for each in events] == [first.at, second.at]
    assert str(events[1]).endswith("tester registry.checked registry")


def test_what_was_found_is_returned_although_its_event_cannot_be_written(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def lost(*_: object, **__: object) -> None:
        raise DatabaseUnavailableError("the connection was lost")

    monkeypatch.setattr("pedigree.registry.fsck.note_run", lost)
    with caplog.at_level(logging.WARNING, "pedigree.registry.fsck"):
        assert registry.fsck().ok
    assert "the run is not in the audit log: the connection was lost" in caplog.text
    assert registry.operations.fsck.newest_run() is None


def test_only_who_may_audit_learns_of_the_newest_run(registry: Registry) -> None:
    actor = Actor(name="ann", source="token")
    reader = Principal(actor=actor, grants=(Grant(permissions=PERMISSIONS[Role.READER]),))
    with pytest.raises(NotPermittedError):
        registry_in(registry.context.used_by(reader)).operations.fsck.newest_run()
