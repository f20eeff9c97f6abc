"""The definition of a step as it was in its run, from Dagster's snapshot of the run's job.

The snapshot has the names of inputs and outputs, but not the assets that they stand for.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import dagster as dg


@dataclass(frozen=True)
class StepDefinition:
    """The names of the inputs and outputs of an op, or of the graph of a graph-backed asset."""

    inputs: frozenset[str]
    outputs: frozenset[str]


class RunDefinitions:
    """The definitions of steps; reads each run and each snapshot, which many runs share, once.

    Args:
        instance: The Dagster instance.
    """

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance = instance
        self._snapshot_of = cache(self._read_snapshot_id)
        self._steps_of = cache(self._read_steps)

    def of_step(self, run_id: str, step_key: str) -> StepDefinition | None:
        """Return the definition of a step; None if the run or its snapshot is deleted."""
        snapshot_id = self._snapshot_of(run_id)
        if snapshot_id is None:
            return None
        return self._steps_of(snapshot_id).get(step_key.partition(".")[0])

    def _read_snapshot_id(self, run_id: str) -> str | None:
        run = self._instance.get_run_by_id(run_id)
        return run.job_snapshot_id if run else None

    def _read_steps(self, snapshot_id: str) -> dict[str, StepDefinition]:
        if not self._instance.has_job_snapshot(snapshot_id):
            return {}
        job = self._instance.get_job_snapshot(snapshot_id)
        parts = job.node_defs_snapshot
        definitions: list[Any] = [*parts.op_def_snaps, *parts.graph_def_snaps]
        by_name = {each.name: each for each in definitions}
        calls = job.dep_structure_snapshot.node_invocation_snaps
        return {call.node_name: _ports(by_name[call.node_def_name]) for call in calls}


def _ports(definition: Any) -> StepDefinition:
    return StepDefinition(
        inputs=frozenset(port.name for port in definition.input_def_snaps),
        outputs=frozenset(port.name for port in definition.output_def_snaps),
    )
