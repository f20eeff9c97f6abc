"""Loops of a sensor's tick over models and partitions: one that fails never stops the others."""

from collections.abc import Mapping
from functools import partial
from typing import Any, NoReturn

import dagster as dg

from pedigree.dagster.sensors.targets import Targets
from pedigree.errors import NotRetrainableError, PedigreeError
from pedigree.failures.member_loop import MemberLoop, Probe, member_key
from pedigree.failures.outages import store_probe
from pedigree.failures.records import BackgroundWork
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
    loop = MemberLoop(registry.database, BackgroundWork.PARTITIONS)
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


def stage_run_config(
    context: dg.SensorEvaluationContext, ops: Mapping[str, dg.Config]
) -> dg.RunConfig:
    """Return the config of a run of stages: in one process, unless the location has its executor.

    In one process a promotion takes 5 s; with a process per step it takes 16 s.
    """
    repository = context.repository_def
    job = repository.get_implicit_global_asset_job_def() if repository else None
    has_default = job is not None and job.executor_def is dg.multi_or_in_process_executor
    execution: dict[str, Any] | None = {"config": {"in_process": {}}} if has_default else None
    return dg.RunConfig(ops=dict(ops), execution=execution)


def require_runnable(
    context: dg.SensorEvaluationContext, request: dg.RunRequest, reference: str
) -> None:
    """Refuse a request that Dagster would refuse, because that fails the tick for all models.

    Raises:
        NotRetrainableError: The asset is not in this code location, or its partition is gone.
    """
    graph = context.repository_def.asset_graph if context.repository_def else None
    for key in request.asset_selection or ():
        if graph is None or not graph.has(key) or not graph.get(key).is_executable:
            raise NotRetrainableError(
                f"{reference} was trained by {key.to_user_string()}, which is not an asset of"
                " this code location",
                remedy="Request its training in the code location that defines the asset",
            )
        partitions = graph.get(key).partitions_def
        keys = (
            [None]
            if partitions is None
            else partitions.get_partition_keys(dynamic_partitions_store=context.instance)
        )
        if request.partition_key not in keys:
            raise NotRetrainableError(
                f"{reference} was trained by the partition {request.partition_key!r} of"
                f" {key.to_user_string()}, which no longer exists",
                remedy="Add the partition again, or train another version",
            )


def step_assets(context: dg.SensorEvaluationContext, key: dg.AssetKey) -> list[dg.AssetKey]:
    """Return an asset, with the others of its step if they cannot run without each other."""
    graph = context.repository_def.asset_graph if context.repository_def else None
    if graph is None or not graph.has(key):
        return [key]
    return sorted(graph.get(key).execution_set_asset_keys)
