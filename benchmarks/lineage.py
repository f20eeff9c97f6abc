"""The cost of capturing and reading the lineage of a version with 1,000 upstream partitions.

A real Dagster instance on Postgres. Each partition was made from one of another asset, so there are
2,000 events. Capturing is everything that a step does besides its training: look up the inputs,
load the partitions (here without data), look up again, and follow the sources. The registry and its
Postgres are embedded, in a separate folder; ``PEDIGREE_*`` variables of the shell are unset.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import dagster as dg

from benchmarks._report import Measured, report
from pedigree import Column, DeclaredMetadata, NewVersion, Registry, Settings, Signature
from pedigree.dagster import metadata_keys
from pedigree.dagster.capture import event_log
from pedigree.dagster.capture.inputs import ModelInputs, source_of
from pedigree.dagster.capture.lineage import LineageCapture, StepStart, event_tags
from pedigree.dagster.capture.recorded_reads import Reads, encoded
from pedigree.dagster.capture.run_provenance import provenance_of
from pedigree.lineage.records import LineageGraph, LineageNode, NodeKind
from pedigree.signatures.records import ColumnType

_PARTITIONS = [f"day-{number:04}" for number in range(1000)]
_DAYS = dg.StaticPartitionsDefinition(_PARTITIONS)
_CAPTURE_S = 2.0
_WRITE_MS = 500.0
_READ_MS = 50.0
_ROUNDS = 3
_READS = 50
_STORAGE = {"custom": {"module": "pedigree.dagster.instance", "class": "PedigreeStorage"}}


class Echo(dg.IOManager):
    """An IO manager that stores nothing: a partition's value is its key."""

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Keep nothing."""

    def load_input(self, context: dg.InputContext) -> str:
        """Return the partition's key."""
        return context.partition_key


def main() -> int:
    """Measure and report; return the exit code."""
    for name in [name for name in os.environ if name.startswith("PEDIGREE_")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(prefix="pedigree-bench-") as folder:
        home = Path(folder)
        os.environ["PEDIGREE_HOME"] = str(home)
        for made in ("model", "dagster"):
            (home / made).mkdir()
        with (
            Registry.connect(settings=Settings(home=home)) as registry,
            dg.DagsterInstance.local_temp(
                str(home / "dagster"), overrides={"storage": _STORAGE}
            ) as instance,
        ):
            figures = _measure(registry, instance, home / "model")
    return report(figures, sys.argv[1:])


def _measure(registry: Registry, instance: dg.DagsterInstance, model: Path) -> list[Measured]:
    _make_upstream(instance)
    taken: list[float] = []
    graphs: list[LineageGraph] = []
    for _ in range(_ROUNDS):
        dg.materialize(
            [_trainer(taken, graphs)], instance=instance, resources={"io_manager": Echo()}
        )
    written = [_register(registry, model, graphs[0], number) for number in range(_ROUNDS)]
    cpu = time.process_time()
    read = [_seconds(lambda: registry.lineage("churn/1")) for _ in range(_READS)]
    cpu = time.process_time() - cpu
    if registry.lineage("churn/1") != graphs[0] or len(graphs[0].nodes) != 2001:
        raise SystemExit(f"the graph has {len(graphs[0].nodes)} nodes, or was not read back")
    return [
        _at_most("1,000 upstream partitions are captured in", min(taken), "s", _CAPTURE_S),
        _at_most("a version with that lineage is written in", min(written) * 1e3, "ms", _WRITE_MS),
        _at_most("it is read back in (median)", statistics.median(read) * 1e3, "ms", _READ_MS),
        Measured(what="of it this process computes for", value=cpu / _READS * 1e3, unit="ms"),
    ]


def _make_upstream(instance: dg.DagsterInstance) -> None:
    """Report each day and the day made from it, with the record that `with_lineage` writes."""
    raw, days = dg.AssetKey("raw"), dg.AssetKey("days")
    for partition in _PARTITIONS:
        tags = {metadata_keys.DATA_VERSION: f"v-{partition}"}
        instance.report_runless_asset_event(
            dg.AssetMaterialization(raw, partition=partition, tags=tags)
        )
    found = event_log.latest(instance, raw, _PARTITIONS)
    for partition in _PARTITIONS:
        tags = {metadata_keys.DATA_VERSION: f"v-{partition}", **event_tags(raw, [found[partition]])}
        reads = Reads(loaded={raw: {partition: (found[partition].storage_id,)}})
        instance.report_runless_asset_event(
            dg.AssetMaterialization(
                days, partition=partition, tags=tags, metadata={metadata_keys.READS: encoded(reads)}
            )
        )


def _trainer(taken: list[float], graphs: list[LineageGraph]) -> dg.AssetsDefinition:
    days = dg.AssetSpec("days", partitions_def=_DAYS)

    @dg.asset(name="model", deps=[days], required_resource_keys={"io_manager"})
    def model(context: dg.AssetExecutionContext) -> None:
        where = provenance_of(context, context.asset_key)
        began = time.perf_counter()
        capture = LineageCapture(context, context.asset_key)
        ModelInputs(context, (capture,), [source_of(days)]).read(days, partitions=_PARTITIONS)
        step = LineageNode(node_id=0, kind=NodeKind.STEP, asset="model", run_id=where.run_id)
        started = StepStart.of(context.instance, where.run_id, where.step_key or "")
        graphs.append(capture.finish(step, started))
        taken.append(time.perf_counter() - began)

    return model


def _register(registry: Registry, model: Path, graph: LineageGraph, number: int) -> float:
    (model / "model.bin").write_text(f"weights {number}")
    metadata_of_it = DeclaredMetadata(
        flavor="generic",
        signature=Signature(
            inputs=(Column(name="age", type=ColumnType.DOUBLE),),
            outputs=(Column(name="score", type=ColumnType.DOUBLE),),
        ),
        run_id=f"run-{number}",
        git_commit="0" * 40,
        git_dirty=False,
    )
    new = NewVersion(metadata=metadata_of_it, lineage=graph)
    return _seconds(lambda: registry.register("churn", model, new))


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _at_most(what: str, value: float, unit: str, target: float) -> Measured:
    return Measured(what=what, value=value, unit=unit, target=target, at_least=False)


if __name__ == "__main__":
    sys.exit(main())
