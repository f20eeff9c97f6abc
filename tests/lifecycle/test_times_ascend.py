"""The times of a model's changes ascend, also when the database's clock jumps back."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor, NewEvent
from pedigree.registry import Registry
from tests.factories import free_policy, register
from tests.maintenance.collecting import require_sound

WRITTEN_BEFORE_THE_JUMP = """
WITH written AS (
    INSERT INTO pedigree.event (event_id, type, model, version, canonical, leaf, at)
    VALUES (
        %(event_id)s, 'version.updated', 'churn', 1, %(canonical)s::bytea,
        sha256('\\x00'::bytea || %(canonical)s::bytea), %(at)s
    )
    RETURNING id
)
INSERT INTO pedigree.unsequenced (id) SELECT id FROM written RETURNING id
"""


def test_a_change_is_never_earlier_than_the_one_before_it(
    registry: Registry, tmp_path: Path
) -> None:
    first = register(registry, tmp_path, "first")
    second = register(registry, tmp_path, "second")
    registry.set_policy("churn", free_policy())
    registry.promote(first, "production")
    later = datetime.now(UTC) + timedelta(hours=1)
    actor = Actor(name="tester", source="setting")
    event = NewEvent(
        event_id=str(uuid4()),
        type=EventType.VERSION_UPDATED,
        model="churn",
        version=1,
        at=later,
        actor=actor,
        body={"description": None},
    )
    values = {"event_id": event.event_id, "canonical": event.canonical(), "at": later}
    registry.database.fetch_all(WRITTEN_BEFORE_THE_JUMP, values)
    registry.promote(second, "production")
    registry.rollback("churn")
    times = [event.at for event in registry.events(model="churn")]
    assert times == sorted(times)
    assert times[-1] == later
    assert [tenure.until for tenure in registry.timeline("churn")][:2] == [later, later]
    require_sound(registry)
