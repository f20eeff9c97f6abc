"""Plan and perform a collection at once."""

from pedigree.maintenance.gc_records import Collection, PlannedItem
from pedigree.registry import Registry


def planned(registry: Registry) -> list[PlannedItem]:
    """Return what a collection would do."""
    with registry.plan_gc() as plan:
        return list(plan)


def collect(registry: Registry) -> Collection:
    """Plan a collection and perform it."""
    with registry.plan_gc() as plan:
        return registry.gc(plan)


def require_sound(registry: Registry) -> None:
    """Every invariant holds, down to the bytes."""
    report = registry.fsck(hashes=True)
    assert report.ok, [check for check in report.checks if check.violations]
