"""The steps of a run from its log: when they started, and what they loaded and made."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from pedigree.dagster import metadata_keys
from pedigree.dagster.capture.recorded_reads import Reads, decoded

_TYPES = {
    dg.DagsterEventType.STEP_START,
    dg.DagsterEventType.LOADED_INPUT,
    dg.DagsterEventType.STEP_OUTPUT,
    dg.DagsterEventType.ASSET_MATERIALIZATION,
    dg.DagsterEventType.ENGINE_EVENT,
}


@dataclass
class StepLog:
    """One step in a run's log.

    Attributes:
        started_at: When it started, in seconds since 1970; None if its start is not in the log.
        loaded: The names of the inputs that an IO manager loaded.
        reads: The reads that its outputs and its own log entries record.
        made: The partitions that it made, by asset.
        inputs: All assets that its events name as inputs.
    """

    started_at: float | None = None
    loaded: set[str] = field(default_factory=set)
    reads: list[Reads] = field(default_factory=list)
    made: dict[dg.AssetKey, list[str | None]] = field(default_factory=dict)
    inputs: set[dg.AssetKey] = field(default_factory=set)


class RunLog:
    """The log of a run, and of the runs that it re-executes, by step key."""

    def __init__(self, instance: dg.DagsterInstance, run_id: str) -> None:
        self._steps: defaultdict[str, StepLog] = defaultdict(StepLog)
        for record in _records(instance, run_id):
            entry = record.event_log_entry
            if entry.step_key and entry.dagster_event:
                self._add(self._steps[entry.step_key], entry, entry.dagster_event)

    def step(self, key: str) -> StepLog:
        """Return a step; for an op in a graph-backed asset, the whole graph as one step."""
        if "." not in key:
            return self._steps.get(key, StepLog())
        graph = key.partition(".")[0] + "."
        return _combined([step for name, step in self._steps.items() if name.startswith(graph)])

    def _add(self, step: StepLog, entry: dg.EventLogEntry, event: dg.DagsterEvent) -> None:
        if event.is_step_start:
            step.started_at = min(entry.timestamp, step.started_at or entry.timestamp)
        elif event.event_type is dg.DagsterEventType.LOADED_INPUT:
            step.loaded.add(event.event_specific_data.input_name)  # type: ignore[union-attr]
        elif event.is_successful_output:
            step.reads += _reads(event.step_output_data.metadata)
        elif event.is_engine_event:
            step.reads += _reads(event.engine_event_data.metadata)
        elif made := entry.asset_materialization:
            step.made.setdefault(made.asset_key, []).append(made.partition)
            step.inputs |= {
                dg.AssetKey.from_user_string(tag.removeprefix(metadata_keys.INPUT_POINTER))
                for tag in made.tags or ()
                if tag.startswith(metadata_keys.INPUT_POINTER)
            }


def _reads(found: Mapping[str, Any]) -> list[Reads]:
    reads = decoded(found.get(metadata_keys.READS))
    return [reads] if isinstance(reads, Reads) else []


def _records(instance: dg.DagsterInstance, run_id: str) -> Iterator[dg.EventLogRecord]:
    """Yield the records of a run; for a partial re-execution, those of its parents too."""
    seen: set[str] = set()
    wanted: str | None = run_id
    while wanted and wanted not in seen:
        seen.add(wanted)
        yield from instance.get_records_for_run(wanted, of_type=_TYPES).records
        run = instance.get_run_by_id(wanted)
        wanted = run.parent_run_id if run and run.step_keys_to_execute else None


def _combined(steps: list[StepLog]) -> StepLog:
    found = StepLog()
    starts = [step.started_at for step in steps if step.started_at is not None]
    found.started_at = min(starts) if starts else None
    for step in steps:
        found.loaded |= step.loaded
        found.reads += step.reads
        found.inputs |= step.inputs
        for key, partitions in step.made.items():
            found.made.setdefault(key, []).extend(partitions)
    return found
