"""A process that does the work of Dagster's daemon on the real instance."""

import contextlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import dagster as dg

from pedigree.errors import PedigreeError
from pedigree.registry import Registry

# A tick requests one promotion per model, staging before production; more rounds mean a loop.
MOST_TICKS = 8


INSTANCE_FOLDER = Path(__file__).resolve().parent.parent  # contains dagster.yaml


class RunFailedError(PedigreeError):
    """A run failed unexpectedly."""


@dataclass(frozen=True)
class Scored:
    """An asset that the automation conditions requested and a run materialized."""

    asset: str
    partitions: tuple[str, ...]


def open_session() -> "Session":
    """Load the definitions of ``make up``, and open its instance."""
    from definitions import defs  # noqa: PLC0415 -- composing the whole graph costs seconds

    registry = Registry.connect()
    instance = dg.DagsterInstance.from_config(str(INSTANCE_FOLDER))
    return Session(defs, instance, registry)


class Session:
    """Dagster's instance, the definitions of ``make up``, and the registry."""

    def __init__(
        self, definitions: dg.Definitions, instance: dg.DagsterInstance, registry: Registry
    ) -> None:
        self.definitions = definitions
        self.instance = instance
        self.registry = registry
        self._repository = definitions.get_repository_def()
        self._sensor_cursors: dict[str, str | None] = {}
        self._automation_cursor: Any = None  # AssetDaemonCursor, which Dagster does not export

    def __enter__(self) -> "Session":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.registry.close()
        self.instance.dispose()

    def materialize(
        self,
        *keys: str,
        config: Mapping[str, Mapping[str, object]] | None = None,
        partitions: Sequence[str] = (),
        may_fail: bool = False,
    ) -> dg.ExecuteInProcessResult:
        """Materialize assets, with their checks, in one run.

        Args:
            keys: The assets.
            config: The config of ops by name.
            partitions: The partitions, a range without gaps.
            may_fail: Whether the caller expects a failed step, such as that of a blocking check.

        Raises:
            RunFailedError: The run failed unexpectedly.
        """
        tags = {}
        if partitions:
            tags = {
                "dagster/asset_partition_range_start": partitions[0],
                "dagster/asset_partition_range_end": partitions[-1],
            }
        selection = [dg.AssetKey.from_user_string(key) for key in keys]
        ops = {op: {"config": dict(of)} for op, of in (config or {}).items()}
        return self._execute(selection, {"ops": ops}, tags, may_fail=may_fail)

    def promote_due(self) -> tuple[dg.RunRequest, ...]:
        """Tick the promotion sensor until it requests nothing, and execute all requests."""
        requested: list[dg.RunRequest] = []
        for _ in range(MOST_TICKS):
            requests = self.tick("promotion").run_requests or []
            if not requests:
                return tuple(requested)
            for request in requests:
                self._execute(
                    request.asset_selection or [],
                    request.run_config,
                    request.tags,
                    job_name=request.job_name,
                )
            requested.extend(requests)
        raise RunFailedError(
            f"the promotion sensor still requests runs after {MOST_TICKS} ticks",
            remedy="See the last runs in the Dagster UI: make up",
        )

    def mirror_changes(self) -> tuple[dg.AssetMaterialization, ...]:
        """Tick the mirror sensor, and report its events to the asset graph."""
        reported = []
        for event in self.tick("mirror").asset_events:
            self.instance.report_runless_asset_event(event)
            reported.append(event)
        return tuple(event for event in reported if isinstance(event, dg.AssetMaterialization))

    def follow(self) -> tuple[Scored, ...]:
        """Evaluate all automation conditions, and run the requested assets."""
        result = dg.evaluate_automation_conditions(
            self.definitions, self.instance, cursor=self._automation_cursor
        )
        self._automation_cursor = result.cursor
        return tuple(
            Scored(spec.key.to_user_string(), self._run_requested(spec, result))
            for spec in self.definitions.resolve_all_asset_specs()
            if result.get_num_requested(spec.key)
        )

    def latest(self, key: str, partition: str | None = None) -> dg.AssetMaterialization | None:
        """Return the newest materialization of an asset or of one of its partitions."""
        asset = dg.AssetKey.from_user_string(key)
        records = self.instance.fetch_materializations(
            dg.AssetRecordsFilter(asset, asset_partitions=[partition] if partition else None),
            limit=1,
        ).records
        return records[0].asset_materialization if records else None

    def run_of(self, key: str, partition: str) -> str | None:
        """Return the run that last materialized a partition."""
        asset = dg.AssetKey.from_user_string(key)
        records = self.instance.fetch_materializations(
            dg.AssetRecordsFilter(asset, asset_partitions=[partition]), limit=1
        ).records
        return records[0].run_id if records else None

    def _run_requested(
        self, spec: dg.AssetSpec, result: dg.EvaluateAutomationConditionsResult
    ) -> tuple[str, ...]:
        key = spec.key.to_user_string()
        if spec.partitions_def is None:
            self.materialize(key)
            return ()
        every = spec.partitions_def.get_partition_keys()
        requested = {name for name in result.get_requested_partitions(spec.key) if name}
        for run in _without_gaps(every, requested):
            self.materialize(key, partitions=run)
        return tuple(name for name in every if name in requested)

    def tick(self, sensor_name: str) -> Any:
        """Tick a sensor with its last cursor, and return the result."""
        sensor = self._repository.get_sensor_def(sensor_name)
        with dg.build_sensor_context(
            instance=self.instance,
            cursor=self._sensor_cursors.get(sensor_name),
            repository_def=self._repository,
            resources=self._resources(sensor.required_resource_keys),
            sensor_name=sensor_name,
        ) as context:
            outcome = sensor.evaluate_tick(context)
        self._sensor_cursors[sensor_name] = outcome.cursor
        return outcome

    def _resources(self, keys: Iterable[str]) -> dict[str, object]:
        every = self.definitions.resources or {}
        return {key: every[key] for key in keys}

    def _execute(
        self,
        selection: Sequence[dg.AssetKey],
        run_config: Mapping[str, Any],
        tags: Mapping[str, str],
        *,
        job_name: str | None = None,
        may_fail: bool = False,
    ) -> dg.ExecuteInProcessResult:
        repository = self._repository
        job = (
            repository.get_job(job_name)
            if job_name
            else repository.get_implicit_global_asset_job_def()
        )
        # Dagster's console log would hide the demo's output; the instance stores every line.
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stderr(nowhere):
            result = job.execute_in_process(
                instance=self.instance,
                asset_selection=list(selection),
                run_config={**run_config, **quiet},
                tags=dict(tags),
                raise_on_error=False,
            )
        if not result.success and not may_fail:
            raise RunFailedError(
                f"the run of {', '.join(key.to_user_string() for key in selection)} failed: "
                f"{_first_failure(result)}",
                remedy=f"See run {result.run_id} in the Dagster UI: make up",
            )
        return result


def _first_failure(result: dg.ExecuteInProcessResult) -> str:
    for event in result.all_events:
        if event.is_step_failure:
            error = event.step_failure_data.error
            while error is not None and error.cause is not None:
                error = error.cause
            return error.message.strip() if error else "no reason is recorded"
    return "no step failed"


def _without_gaps(every: Sequence[str], some: set[str]) -> list[list[str]]:
    """Split partitions into contiguous ranges, since one run takes one range."""
    ranges: list[list[str]] = []
    before = -2
    for position, name in enumerate(every):
        if name in some:
            if position != before + 1:
                ranges.append([])
            ranges[-1].append(name)
            before = position
    return ranges
