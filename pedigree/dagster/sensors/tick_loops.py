"""Loops of a sensor's tick over models and partitions: one that fails never stops the others."""

from functools import partial
from typing import NoReturn

import dagster as dg

from pedigree.dagster.sensors.targets import Targets
from pedigree.errors import PedigreeError
from pedigree.failures.member_loop import MemberLoop, Probe, member_key
from pedigree.failures.outages import store_probe
from pedigree.registry import Registry


def tick_loop(instance: dg.DagsterInstance, registry: Registry, work: str) -> MemberLoop:
    """Return the loop of a tick over the members of some work."""
    return MemberLoop(registry.database, work, is_outage=tick_probe(instance, registry))


def tick_probe(instance: dg.DagsterInstance, registry: Registry) -> Probe:
    """Return whether an error means that Dagster's storage or the object store does not answer."""
    is_store_outage = store_probe(registry.database, registry.store)

    def is_outage(error: Exception) -> bool:
        if isinstance(error, PedigreeError):
            return is_store_outage(error)
        try:
            instance.get_runs(limit=1)
        except Exception:
            return True
        return False

    return is_outage


def report_partitions(registry: Registry, targets: Targets | None) -> list[str]:
    """Note the partitions whose key gives no model, and return the notes."""
    if targets is None or not targets.partitioned:
        return []
    loop = MemberLoop(registry.database, "partitions")
    problems = {member_key(str(place)): error for place, error in targets.problems.items()}
    for member, error in problems.items():
        loop.attempt(member, partial(_raise, error))
    assets = {key.to_user_string() for key in targets.partitioned}
    for member in loop.failing - problems.keys():
        if member.partition(" [")[0] in assets:
            loop.recover(member)
    return loop.notes


def _raise(error: Exception) -> NoReturn:
    raise error


def skip_reason(notes: list[str], otherwise: str) -> dg.SkipReason:
    """Return the reason of a tick without requests: what failed, or else what it did."""
    return dg.SkipReason("; ".join([*notes, otherwise]) if notes else otherwise)
