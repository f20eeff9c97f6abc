"""Garbage collection of bytes that no version uses."""

from pedigree.access.records import Permission
from pedigree.contract.gc import GcContract
from pedigree.maintenance.gc_apply import apply_plan
from pedigree.maintenance.gc_plan import Plan
from pedigree.maintenance.gc_planner import make_plan
from pedigree.maintenance.gc_records import Collection
from pedigree.postgres.asked import in_role
from pedigree.postgres.asker import DatabaseRole
from pedigree.postgres.database import Database
from pedigree.registry.context import ContextGroup


class GcOperations(ContextGroup, GcContract):
    """Garbage collection of bytes that no version uses."""

    def plan_gc(self) -> Plan:
        self._context.require(Permission.OPERATE)
        return make_plan(self._database(), self._context.settings.retention_window)

    def gc(self, plan: Plan) -> Collection:
        self._context.require(Permission.OPERATE)
        window = self._context.settings.retention_window
        return apply_plan(
            self._database(), self._context.store, plan, self._context.actor(), window=window
        )

    def _database(self) -> Database:
        return in_role(self._context.database, DatabaseRole.WORKER)
