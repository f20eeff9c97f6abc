"""The times of a model's changes ascend, also when the database's clock jumps back."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from pedigree.audit import log
from pedigree.audit.records import Actor, EventType
from pedigree.registry import Registry
from tests.factories import free_policy, register
from tests.maintenance.collecting import require_sound


def test_a_change_is_never_earlier_than_the_one_before_it(
    registry: Registry, tmp_path: Path
) -> None:
    first = register(registry, tmp_path, "first")
    second = register(registry, tmp_path, "second")
    registry.set_policy("churn", free_policy())
    registry.promote(first, "production")
    later = datetime.now(UTC) + timedelta(hours=1)
    actor = Actor(name="tester", source="setting")
    registry.database.transaction(
        lambda transaction: log.record(
            transaction,
            EventType.VERSION_UPDATED,
            {"description": None},
            model="churn",
            version=1,
            at=later,
            actor=actor,
        )
    )
    registry.promote(second, "production")
    registry.rollback("churn")
    times = [event.at for event in registry.events(model="churn")]
    assert times == sorted(times)
    assert times[-1] == later
    assert [tenure.until for tenure in registry.timeline("churn")][:2] == [later, later]
    require_sound(registry)
