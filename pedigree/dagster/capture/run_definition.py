"""The definition of a step as it was in its run, from Dagster's snapshot of the run's job.

The snapshot has the names of inputs and outputs, but not the assets that they stand for.
"""

from dataclasses import dataclass
from typing import Any

import dagster as dg


@dataclass(frozen=True)
class StepDefinition:
    """The names of the inputs and outputs of an op, or of the graph of a graph-backed asset."""

    inputs: frozenset[str]
    outputs: frozenset[str]


def definition_of(
    instance: dg.DagsterInstance, run_id: str, step_key: str
) -> StepDefinition | None:
    """Return the definition of a step; None if the run or its snapshot is deleted."""
    run = instance.get_run_by_id(run_id)
    snapshot_id = run.job_snapshot_id if run else None
    if snapshot_id is None or not instance.has_job_snapshot(snapshot_id):
        return None
    job = instance.get_job_snapshot(snapshot_id)
    node = step_key.partition(".")[0]
    called = job.dep_structure_snapshot.node_invocation_snaps
    name = next((each.node_def_name for each in called if each.node_name == node), None)
    definitions = job.node_defs_snapshot
    found: list[Any] = [*definitions.op_def_snaps, *definitions.graph_def_snaps]
    for each in found:
        if each.name == name:
            return StepDefinition(
                inputs=frozenset(port.name for port in each.input_def_snaps),
                outputs=frozenset(port.name for port in each.output_def_snaps),
            )
    return None
