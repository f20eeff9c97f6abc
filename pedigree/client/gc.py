"""Garbage collection of bytes that no version uses."""

from collections.abc import Iterator

from pedigree.client.service import ServiceGroup
from pedigree.contract import paths
from pedigree.contract.gc import GcContract
from pedigree.maintenance.gc_plan import Plan
from pedigree.maintenance.gc_records import ITEM, Collection


class RemoteGc(ServiceGroup, GcContract):
    """Garbage collection of bytes that no version uses."""

    def plan_gc(self) -> Plan:
        plan = Plan()
        try:
            for line in _lines(self._service.connection.stream(paths.GC)):
                plan.add(ITEM.validate_json(line))
        except BaseException:
            plan.close()
            raise
        return plan

    def gc(self, plan: Plan) -> Collection:
        return self._service.work(Collection, paths.GC, {"plan": plan.digest})


def _lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
