"""The cost of a tick of each sensor with ten thousand registered models and no new events.

One code location has all of them: 200 (``--assets N``) are separate assets, each with an asset
that its production version scores, and the others are the partitions of one asset. The ticks are
evaluated in this process, on a real Dagster instance and a registry in Postgres; a daemon adds its
own call to the code server. The graph contains everything that the ticks compare.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from benchmarks._report import Measured, report
from benchmarks._ten_thousand import PRODUCTION, fill, name_of, policy
from pedigree import Registry, Settings, Verdict
from pedigree.audit.log import feed_head
from pedigree.dagster import (
    RegistryResource,
    TrainedModel,
    metadata_keys,
    model_asset,
    registry_definitions,
    stage_key,
)
from pedigree.dagster.sensors.drift_alerts import DriftCursor
from pedigree.dagster.sensors.mirror import MODELS_A_TICK
from pedigree.dagster.sensors.mirror_repairs import repairs
from pedigree.dagster.sensors.mirror_state import GraphState
from pedigree.dagster.sensors.mirror_tick import MirrorCursor
from pedigree.dagster.sensors.promotion import PromotionCursor
from pedigree.dagster.sensors.targets import Targets
from pedigree.dagster.sensors.usage_and_staleness import LineageCursor
from pedigree.lineage.records import (
    Capture,
    Certainty,
    LineageEdge,
    LineageGraph,
    LineageNode,
    NodeKind,
)

_MODELS = 10_000
_ASSETS = 200
_TICKS = 15
_TARGET_S = 1.0
_INPUTS = ("customers", "sales")
_STORAGE = {"custom": {"module": "pedigree.dagster.instance", "class": "PedigreeStorage"}}


def main() -> int:
    """Measure and report; return the exit code."""
    for name in [name for name in os.environ if name.startswith("PEDIGREE_")]:
        del os.environ[name]
    words = sys.argv[1:]
    assets = int(words[words.index("--assets") + 1]) if "--assets" in words else _ASSETS
    with tempfile.TemporaryDirectory(prefix="pedigree-bench-") as folder:
        return report(_measure(Path(folder), assets), words)


def _measure(folder: Path, assets: int) -> list[Measured]:
    home = folder / "home"
    os.environ["PEDIGREE_HOME"] = str(home)
    with (
        Registry.connect(settings=Settings(home=home, actor="bench")) as registry,
        dg.DagsterInstance.local_temp(
            str(folder), overrides={"storage": _STORAGE, "telemetry": {"enabled": False}}
        ) as instance,
    ):
        fill(registry, folder, _MODELS, _lineage(instance))
        location = _Location(registry, instance, assets)
        location.show()
        return location.measure()


def _lineage(instance: dg.DagsterInstance) -> LineageGraph:
    """Report some inputs, and return the graph of a training that read them."""
    step = LineageNode(node_id=0, kind=NodeKind.STEP, asset="models/template", run_id="run")
    inputs = [_input(instance, number, asset) for number, asset in enumerate(_INPUTS, start=1)]
    edges = [
        LineageEdge(consumer=0, source=node.node_id, capture=Capture.READ, certainty=Certainty.READ)
        for node in inputs
    ]
    return LineageGraph(nodes=(step, *inputs), edges=tuple(edges))


def _input(instance: dg.DagsterInstance, number: int, asset: str) -> LineageNode:
    key = dg.AssetKey(asset)
    tags = {metadata_keys.DATA_VERSION: asset}
    instance.report_runless_asset_event(dg.AssetMaterialization(key, tags=tags))
    record = instance.fetch_materializations(key, limit=1).records[0]
    return LineageNode(
        node_id=number,
        kind=NodeKind.MATERIALIZATION,
        asset=asset,
        storage_id=record.storage_id,
        data_version=asset,
    )


class _Location:
    """A code location of all models, and the cursors of its sensors."""

    def __init__(self, registry: Registry, instance: dg.DagsterInstance, assets: int) -> None:
        self.registry = registry
        self.instance = instance
        self.resources = {"registry": RegistryResource()}
        own = [name_of(number) for number in range(1, _MODELS, _MODELS // assets)]
        began = time.perf_counter()
        self.models = [*map(_model, own), _partitioned(set(own))]
        self.scores = [*map(_scores, own)]
        self.repository = dg.Definitions.merge(
            dg.Definitions(assets=[*self.models, *self.scores]),
            registry_definitions(*self.models, registry=self.resources["registry"]),
        ).get_repository_def()
        self.loaded = time.perf_counter() - began
        head = feed_head(registry.database)
        begun = {
            "promotion": PromotionCursor(seq=head),
            "mirror": MirrorCursor(seq=head),
            "lineage": LineageCursor(),
            "drift": DriftCursor(seq=head),
        }
        self.cursors: dict[str, str | None] = {
            f"pedigree_{name}": cursor.model_dump_json() for name, cursor in begun.items()
        }

    def show(self) -> None:
        """Report everything that the ticks compare to the graph."""
        targets = Targets(self.repository, self.models)
        page = self.registry.models(limit=(_TICKS + 2) * MODELS_A_TICK)
        found = targets.find(self.instance, [model.name for model in page])
        graph = GraphState(self.instance)
        for name, target in found.items():
            for event in repairs(self.instance, graph, self.registry, name, target):
                self.instance.report_runless_asset_event(event)
        for asset in self.scores:
            self.instance.report_runless_asset_event(dg.AssetMaterialization(asset.key))

    def tick(self, sensor: str) -> tuple[Any, float]:
        """Return the result of a tick, and its duration."""
        began = time.perf_counter()
        with dg.build_sensor_context(
            instance=self.instance,
            repository_def=self.repository,
            resources=self.resources,
            cursor=self.cursors[sensor],
        ) as context:
            answer = self.repository.get_sensor_def(sensor).evaluate_tick(context)
        took = time.perf_counter() - began
        self.cursors[sensor] = answer.cursor
        return answer, took

    def measure(self) -> list[Measured]:
        """Measure ticks without new events, and one of each sensor with an event of one model."""
        figures = []
        for sensor in self.cursors:
            self._quiet(sensor)  # warms up the caches of the process
            taken = [self._quiet(sensor) for _ in range(_TICKS)]
            figures += _figures(f"{sensor}, nothing changed", taken)
        reference = f"{name_of(1)}/2"
        verdict = Verdict(
            check="scan", passed=True, digest=self.registry.get(reference).digest, summary="clean"
        )
        self.registry.record_verdict(reference, verdict)
        for sensor in self.cursors:
            figures.append(_seconds(f"{sensor}, one model changed", self.tick(sensor)[1], None))
        return [*figures, _seconds("the definitions are loaded in", self.loaded, None)]

    def _quiet(self, sensor: str) -> float:
        answer, took = self.tick(sensor)
        if answer.run_requests or answer.asset_events:
            raise SystemExit(f"{sensor} found something: {answer}")
        return took


def _model(name: str, **options: Any) -> dg.AssetsDefinition:
    make: Callable[..., dg.AssetsDefinition] = model_asset(
        name=name, flavor="generic", policy=policy(), **options
    )

    def train() -> TrainedModel:
        raise AssertionError("a tick trains nothing")

    return make(train)


def _partitioned(others: set[str]) -> dg.AssetsDefinition:
    """Return the asset with one model per partition, for the models without their own asset."""
    names = [name for name in map(name_of, range(1, _MODELS)) if name not in others]
    partitions = dg.StaticPartitionsDefinition(names)
    return _model("of_shops", partitions_def=partitions, partition_name="{partition}")


def _scores(model: str) -> dg.AssetsDefinition:
    @dg.asset(name=f"scores_{model}", deps=[stage_key(model, PRODUCTION)])
    def scores() -> None: ...

    return scores


def _figures(what: str, taken: Sequence[float]) -> list[Measured]:
    slowest = _seconds(f"{what}: slowest", max(taken), _TARGET_S)
    return [_seconds(f"{what}: median of {len(taken)}", statistics.median(taken), None), slowest]


def _seconds(what: str, value: float, target: float | None) -> Measured:
    return Measured(what=what, value=value, unit="s", target=target, at_least=False)


if __name__ == "__main__":
    sys.exit(main())
