"""The tick of the lineage sensor: usage and staleness of versions in the asset graph."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import chain
from typing import TypeVar

import dagster as dg
from pydantic import Field, ValidationError

from pedigree._record import Record
from pedigree.dagster.assets.model_spec import ModelLike, ModelSpec
from pedigree.dagster.capture.asset_graph import LocationGraph
from pedigree.dagster.capture.downstream_assets import (
    consuming_assets,
    declared_usages,
    source_assets,
)
from pedigree.dagster.capture.event_archive import keep_events, upstream_assets
from pedigree.dagster.capture.event_scan import ScanPosition, ScanTurn
from pedigree.dagster.capture.input_history import current_inputs_of_all
from pedigree.dagster.capture.usages import settle_usages
from pedigree.dagster.sensors.targets import Target, targets_of
from pedigree.dagster.sensors.tick_loops import report_partitions, skip_reason, tick_loop
from pedigree.errors import NotFoundError
from pedigree.failures.member_loop import MemberLoop, MemberResult
from pedigree.failures.records import BackgroundWork
from pedigree.lineage.records import LineageNode
from pedigree.lineage.staleness import AssetPartition, InputNow, observed_inputs
from pedigree.postgres.asker import DatabaseRole
from pedigree.registry import Registry, registry_in

_AGE = timedelta(minutes=1)
_VERSIONS_A_TICK = 20

T = TypeVar("T")


class LineageCursor(Record):
    """The positions of the scans over assets."""

    consumers: ScanPosition = Field(
        default_factory=ScanPosition, description="Assets that depend on models and stages"
    )
    upstream: ScanPosition = Field(
        default_factory=ScanPosition, description="Assets that models depend on"
    )


def follow_lineage(
    context: dg.SensorEvaluationContext,
    registry: Registry,
    models: Iterable[ModelLike] | None = None,
) -> dg.SensorResult:
    """Record in the registry what runs read and wrote, and how stale its versions are.

    It copies the events of the assets upstream of the models, with the recorded reads of their
    steps, so that a later wipe or a deleted run loses nothing.

    It launches no runs and reports nothing to Dagster. Each tick checks a few of the versions in
    use (those with a stage or an alias), each at most once a minute, so that ten thousand models do
    not make a tick longer.

    Args:
        context: The tick's context.
        registry: The registry.
        models: The models; all of this repository when None.
    """
    registry = registry_in(registry.context.in_role(DatabaseRole.SENSOR))
    tick = _LineageTick(
        context, registry, tick_loop(context.instance, registry, BackgroundWork.LINEAGE)
    )
    cursor = _read_cursor(context.cursor)
    targets = targets_of(context, models)
    model_specs = targets.model_specs if targets else {}
    settled = settle_usages(context.instance, registry, tick.loop)
    upstream = tick.keep_events(model_specs, cursor.upstream)
    consumers = tick.declare_usages(model_specs, cursor.consumers)
    checked = tick.check_staleness(targets.all(context.instance) if targets else {})
    summary = f"{settled} usages were settled, {checked} versions were checked for staleness"
    notes = [*tick.loop.notes, *report_partitions(registry, targets)]
    return dg.SensorResult(
        skip_reason=skip_reason(notes, summary),
        cursor=LineageCursor(consumers=consumers, upstream=upstream).model_dump_json(),
    )


@dataclass
class _LineageTick:
    """The work of one tick; a model, a version or an asset that fails stops no other."""

    context: dg.SensorEvaluationContext
    registry: Registry
    loop: MemberLoop

    def keep_events(
        self, model_specs: Mapping[str, ModelSpec], position: ScanPosition
    ) -> ScanPosition:
        """Copy the new events upstream of the models, and return the position after them."""
        instance, repository = self.context.instance, self.context.repository_def
        graph = LocationGraph(repository.asset_graph if repository else None, instance)

        def upstream_of(names: Sequence[str]) -> frozenset[dg.AssetKey]:
            return upstream_assets(graph, [model_specs[name] for name in names])

        def keep(some: Sequence[dg.AssetKey], start: ScanPosition) -> ScanPosition:
            return keep_events(instance, self.registry, some, start)

        found = self.loop.attempt_batch(
            sorted(model_specs), upstream_of, name="assets upstream of {}".format
        )
        upstream = frozenset[dg.AssetKey]().union(*found)
        return self._scan("events of", upstream, position, keep)

    def declare_usages(
        self, model_specs: Mapping[str, ModelSpec], position: ScanPosition
    ) -> ScanPosition:
        """Record the usages that only the graph shows, and return the position after them."""

        def sources_of(names: Sequence[str]) -> dict[dg.AssetKey, ModelSpec]:
            return source_assets([model_specs[name] for name in names])

        found = self.loop.attempt_batch(sorted(model_specs), sources_of, name="assets of {}".format)
        sources = {key: spec for each in found for key, spec in each.items()}

        def declare(some: Sequence[dg.AssetKey], start: ScanPosition) -> ScanPosition:
            return declared_usages(self.context, self.registry, sources, some, start)

        return self._scan("usages by", consuming_assets(self.context, sources), position, declare)

    def _scan(
        self,
        what: str,
        assets: Collection[dg.AssetKey],
        position: ScanPosition,
        scan: Callable[[Sequence[dg.AssetKey], ScanPosition], ScanPosition],
    ) -> ScanPosition:
        """Scan some assets at once; if that fails, each alone. The next tick scans other ones.

        So ten thousand assets do not make a tick longer.
        """
        turn, at = ScanTurn.among(assets, position), position

        def scan_some(some: Sequence[dg.AssetKey]) -> None:
            nonlocal at
            at = scan(some, at)

        self.loop.attempt_batch(
            turn.keys, scan_some, name=lambda key: f"{what} {key.to_user_string()}"
        )
        return at.model_copy(update={"turn": turn.next})

    def check_staleness(self, targets: Mapping[str, Target]) -> int:
        """Record how stale some versions in use are, and return their number."""
        due = self.registry.operations.staleness.versions_to_look_at(
            targets, age=_AGE, limit=_VERSIONS_A_TICK
        )
        inputs: dict[str, Sequence[LineageNode]] = {}
        for reference in due:
            read = self._attempt(reference, partial(self._inputs, reference))
            if read.value is not None:
                inputs[reference] = read.value
        for reference, now in self._current(inputs).items():
            target = targets[_model_of(reference)]
            self._attempt(reference, partial(self._keep_staleness, reference, target, now))
        return len(due)

    def _inputs(self, reference: str) -> Sequence[LineageNode]:
        return observed_inputs(self.registry.lineage(reference, newest=True))

    def _current(
        self, inputs: Mapping[str, Sequence[LineageNode]]
    ) -> Mapping[str, Mapping[AssetPartition, InputNow]]:
        """Return the current inputs of versions, read together if that is possible."""

        def read(references: Sequence[str]) -> list[tuple[str, Mapping[AssetPartition, InputNow]]]:
            some = [inputs[reference] for reference in references]
            found = current_inputs_of_all(self.context.instance, some)
            return list(zip(references, found, strict=True))

        read_parts = self.loop.attempt_batch(inputs, read, name=str, model=_model_of)
        return dict(chain.from_iterable(read_parts))

    def _keep_staleness(
        self, reference: str, target: Target, now: Mapping[AssetPartition, InputNow]
    ) -> None:
        self.registry.operations.staleness.keep_staleness(
            reference, now, code_version=_code_version(self.context, target)
        )

    def _attempt(self, reference: str, work: Callable[[], T]) -> MemberResult[T | None]:
        def unless_gone() -> T | None:
            with suppress(NotFoundError):  # deleted since
                return work()
            return None

        return self.loop.attempt(reference, unless_gone, model=_model_of(reference))


def _model_of(reference: str) -> str:
    return reference.rpartition("/")[0]


def _code_version(context: dg.SensorEvaluationContext, target: Target) -> str | None:
    """Return the current code version of the model's asset in this repository."""
    graph = context.repository_def.asset_graph if context.repository_def else None
    if graph is None or not graph.has(target.model_spec.key):
        return None
    return graph.get(target.model_spec.key).code_version


def _read_cursor(text: str | None) -> LineageCursor:
    try:
        return LineageCursor.model_validate_json(text) if text else LineageCursor()
    except ValidationError:
        return LineageCursor()  # from another version of this code; scanning twice is harmless
