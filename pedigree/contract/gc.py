"""Garbage collection of bytes."""

from typing import Protocol

from pedigree.maintenance.gc_plan import Plan
from pedigree.maintenance.gc_records import Collection


class GcContract(Protocol):
    """Garbage collection of bytes."""

    def plan_gc(self) -> Plan:
        """Say what a garbage collection would do now, and why; nothing is changed.

        Returns:
            The plan: its items, their digest and their sums. Close it, it holds a file.
        """

    def gc(self, plan: Plan) -> Collection:
        """Do exactly what a plan says; what came to be needed meanwhile is left and reported.

        Args:
            plan: From :meth:`plan_gc`.

        Raises:
            CorruptionError: Bytes that shall move are not what their digest says.
            StoreUnavailableError: The store failed; the next collection goes on from there.
        """
