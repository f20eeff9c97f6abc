"""What a run's own log says of its steps: when they began, and what they loaded and made."""

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
    """What a run's log says of one step.

    Attributes:
        began: When it began, in seconds since 1970; None where its start is not in the log.
        loaded: The names of the inputs that an IO manager loaded.
        reads: What its outputs and its own log entries say that it read.
        made: The partitions that it made, by asset, and all assets that its events name as inputs.
    """

    began: float | None = None
    loaded: set[str] = field(default_factory=set)
    reads: list[Reads] = field(default_factory=list)
    made: dict[dg.AssetKey, list[str | None]] = field(default_factory=dict)
    inputs: set[dg.AssetKey] = field(default_factory=set)


class RunLog:
    """The log of a run, and of the runs that it goes on with, by step key."""

    def __init__(self, instance: dg.DagsterInstance, run_id: str) -> None:
        self._steps: defaultdict[str, StepLog] = defaultdict(StepLog)
        for record in _records(instance, run_id):
            entry = record.event_log_entry
            if entry.step_key and entry.dagster_event:
                self._add(self._steps[entry.step_key], entry, entry.dagster_event)

    def step(self, key: str) -> StepLog:
        """Return what is known of a step; of an op in a graph-backed asset, of the whole graph."""
        if "." not in key:
            return self._steps.get(key, StepLog())
        graph = key.partition(".")[0] + "."
        return _together([step for name, step in self._steps.items() if name.startswith(graph)])

    def _add(self, step: StepLog, entry: dg.EventLogEntry, event: dg.DagsterEvent) -> None:
        if event.is_step_start:
            step.began = min(entry.timestamp, step.began or entry.timestamp)
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
    """Give the records of a run; a re-execution goes on with what its parent has done."""
    seen: set[str] = set()
    wanted: str | None = run_id
    while wanted and wanted not in seen:
        seen.add(wanted)
        yield from instance.get_records_for_run(wanted, of_type=_TYPES).records
        run = instance.get_run_by_id(wanted)
        wanted = run.parent_run_id if run and run.step_keys_to_execute else None


def _together(steps: list[StepLog]) -> StepLog:
    found = StepLog()
    begins = [step.began for step in steps if step.began is not None]
    found.began = min(begins) if begins else None
    for step in steps:
        found.loaded |= step.loaded
        found.reads += step.reads
        found.inputs |= step.inputs
        for key, partitions in step.made.items():
            found.made.setdefault(key, []).extend(partitions)
    return found
