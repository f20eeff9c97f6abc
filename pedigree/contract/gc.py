"""Garbage collection of bytes that no version uses."""

from typing import Protocol

from pedigree.maintenance.gc_plan import Plan
from pedigree.maintenance.gc_records import Collection


class GcContract(Protocol):
    """Garbage collection of bytes that no version uses."""

    def plan_gc(self) -> Plan:
        """Return what a garbage collection would do now, and why; nothing is changed.

        Returns:
            The plan: its items, their digest and their sums. Close it: it holds a file open.
        """

    def gc(self, plan: Plan) -> Collection:
        """Perform exactly a plan; items that are in use by now stay and are reported.

        Args:
            plan: From :meth:`plan_gc`.

        Raises:
            CorruptionError: Bytes to be moved do not match their digest.
            StoreUnavailableError: The store failed; the next collection resumes from there.
        """
