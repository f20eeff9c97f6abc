"""Run steps of a case on an instance, and collect their events."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import dagster as dg

from tests.dagster.capture.random_graphs.bodies import CaseBodies
from tests.dagster.capture.random_graphs.definitions import build
from tests.dagster.capture.random_graphs.environment import Environment
from tests.dagster.capture.random_graphs.ground_truth import GroundTruth, Place, Write
from tests.dagster.capture.random_graphs.io_managers import GROUND_TRUTHS
from tests.dagster.capture.random_graphs.partitionings import Partitioning, keys_of, mapped
from tests.dagster.capture.random_graphs.plans import (
    AssetPlan,
    Case,
    Hook,
    InputPlan,
    Manager,
    ReadMode,
)

_PAGE = 1000


@dataclass
class Failure:
    """A run that failed but should have succeeded."""

    plan: AssetPlan
    error: str


@dataclass
class Runner:
    """A case on an instance, with its history."""

    environment: Environment
    case: Case
    hook: Hook
    trace: list[str] = field(default_factory=list)
    done: set[str] = field(default_factory=set)  # the kinds of actions, for the generator's test
    failures: list[Failure] = field(default_factory=list)
    changed: bool = False

    def __post_init__(self) -> None:
        self.ground_truth = GROUND_TRUTHS[self.case.name] = GroundTruth()
        self.random = Random(f"history {self.case.seed}")
        self.bodies = CaseBodies(
            self.case, self.ground_truth, self.environment.instance, self.environment.folder
        )
        self.cursor: str | None = None
        self.runs: list[tuple[str, tuple[AssetPlan, ...]]] = []
        self.wipes = self.random.random() < 0.6
        self.changes = self.random.random() < 0.35
        self.bodies.hook = self.hook is Hook.ON
        self._rebuild()

    def _rebuild(self) -> None:
        self.definitions = build(self.bodies, self.environment.registry_resource)
        self.repository = self.definitions.get_repository_def()

    def _log_action(self, kind: str, text: str) -> None:
        self.done.add(kind)
        self.trace.append(text)

    def _keys(self, plan: AssetPlan) -> list[str]:
        return self._keys_of(plan.partitioning)

    def _keys_of(self, partitioning: Partitioning) -> list[str]:
        return keys_of(partitioning, self.case.name, self.environment.instance)

    def _run_range(self, plan: AssetPlan, keys: Sequence[str]) -> None:
        if len(keys) < 2:
            self._run(plan, keys[0])
            return
        self._run(plan, None, (keys[0], keys[-1]))

    def _run(
        self, plan: AssetPlan, key: str | None, span: tuple[str, str] | None = None
    ) -> list[Write]:
        return self._run_all([plan], key, span)

    def _run_all(
        self, plans: Sequence[AssetPlan], key: str | None, span: tuple[str, str] | None = None
    ) -> list[Write]:
        """Run the steps of some assets; return their writes, or nothing if they could not run."""
        if not all(self._can_load(plan, key, span, plans) for plan in plans):
            return []
        selected = {self.bodies.key(name) for plan in plans for name in self._outputs(plan)}
        job = self.repository.get_implicit_global_asset_job_def()
        kept, first = dict(self.ground_truth.contents), len(self.ground_truth.writes)
        result = job.get_subset(
            asset_selection=selected, asset_check_selection=set()
        ).execute_in_process(
            instance=self.environment.instance,
            partition_key=key,
            tags=_range_tags(span),
            raise_on_error=False,
        )
        names = " + ".join(plan.name for plan in plans)
        where = f" [{key}]" if key else f" [{span[0]} … {span[1]}]" if span else ""
        if not result.success:
            error = error_of(result)
            self.ground_truth.contents = kept
            self.failures.append(Failure(plans[-1], error))
            self._log_action("failure", f"run {names}{where} FAILED: {error}")
            return []
        self.runs.append((result.run_id, tuple(plans)))
        made = self.ground_truth.writes[first:]
        self._note_events(made, result.run_id)
        reads = {str(read.write): read for write in made for read in write.reads}
        kind = "range" if span else "several" if len(plans) > 1 else "run"
        self._log_action(kind, f"run {names}{where}: {_listed(made)} of {', '.join(reads) or '-'}")
        return made

    def _outputs(self, plan: AssetPlan) -> tuple[str, ...]:
        """Return the outputs of a step that a run makes."""
        in_part = plan.subset and self.random.random() < 0.4
        return plan.outputs[1:] if in_part else plan.outputs

    def _can_load(
        self,
        plan: AssetPlan,
        key: str | None,
        span: tuple[str, str] | None,
        plans: Sequence[AssetPlan],
    ) -> bool:
        """Return whether the inputs exist: Dagster's own IO manager cannot load missing ones."""
        keys: Sequence[str | None] = [key]
        if span:
            all_keys = self._keys(plan)
            keys = all_keys[all_keys.index(span[0]) : all_keys.index(span[1]) + 1]
        made = {
            (self.bodies.full(name), None if each.partitioning is Partitioning.NONE else key)
            for each in plans
            for name in each.outputs
        }
        return all(self._exists(plan, one, keys, made) for one in plan.inputs)

    def _exists(
        self,
        plan: AssetPlan,
        one: InputPlan,
        keys: Sequence[str | None],
        made: Collection[Place],
    ) -> bool:
        source = self.bodies.case.plan(one.asset)
        strict = source.manager is Manager.DEFAULT and not source.form.is_source
        if not strict or one.mode not in {ReadMode.LOADED, ReadMode.CHOSEN} or one.by_input_manager:
            return True
        wanted = mapped(
            one.mapping,
            source.partitioning,
            plan.partitioning,
            keys,
            self.case.name,
            self.environment.instance,
        )
        place = (self.bodies.full(one.asset), wanted[0] if wanted else None)
        if one.asset == plan.name:  # an asset that reads its own previous partition
            made = ()
        return len(wanted) != 1 or place in self.ground_truth.contents or place in made

    def _note_events(self, made: Sequence[Write], run_id: str) -> None:
        """Collect the events of what a run has written."""
        for asset in dict.fromkeys(write.asset for write in made):
            key = dg.AssetKey.from_user_string(asset)
            writes = {write.partition: write for write in made if write.asset == asset}
            page = self.environment.instance.fetch_materializations(key, limit=len(writes) + 2)
            for record in page.records:
                event = record.asset_materialization
                if record.run_id == run_id and event is not None:
                    write = writes[event.partition]
                    write.run_id = run_id
                    self.ground_truth.add_event(write, record.storage_id, _data_version(event))

    def alive(self) -> frozenset[int]:
        """Return all existing events of the case's assets."""
        found: set[int] = set()
        for plan in self.bodies.case.assets:
            for name in plan.outputs:
                key = self.bodies.key(name)
                for fetch in (
                    self.environment.instance.fetch_materializations,
                    self.environment.instance.fetch_observations,
                ):
                    records: Sequence[Any] = fetch(key, limit=_PAGE).records
                    found |= {record.storage_id for record in records}
        return frozenset(found)


def _range_tags(span: tuple[str, str] | None) -> dict[str, str]:
    if span is None:
        return {}
    return {
        "dagster/asset_partition_range_start": span[0],
        "dagster/asset_partition_range_end": span[1],
    }


def _data_version(event: dg.AssetMaterialization) -> str | None:
    return (event.tags or {}).get("dagster/data_version")


def error_of(result: dg.ExecuteInProcessResult) -> str:
    """Return why a run failed."""
    for event in result.all_events:
        if event.is_step_failure:
            error = event.step_failure_data.error
            while error and error.cause:
                error = error.cause
            return str(error.message).strip() if error else "?"
    return "?"


def _listed(writes: Sequence[Write]) -> str:
    return ", ".join(map(str, writes)) or "nothing"
