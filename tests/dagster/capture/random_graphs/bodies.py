"""The common code of the bodies of a case: read, record the reads, and write."""

import inspect
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from pedigree.dagster import ModelInputs, TrainedModel
from tests.dagster.capture.random_graphs.ground_truth import GroundTruth, Step, Write
from tests.dagster.capture.random_graphs.partitionings import Partitioning, mapped
from tests.dagster.capture.random_graphs.plans import (
    AssetPlan,
    Case,
    Form,
    InputPlan,
    Internal,
    Pick,
    ReadMode,
    Versions,
)
from tests.dagster.models import SIGNATURE


@dataclass
class CaseBodies:
    """Reads and writes of the bodies of a case on its ground truth."""

    case: Case
    ground_truth: GroundTruth
    instance: dg.DagsterInstance
    folder: Path
    hook: bool = False
    # The body of a graph-backed asset consists of several ops.
    steps: dict[tuple[str, str], Step] = field(default_factory=dict)

    def key(self, asset: str) -> dg.AssetKey:
        """Return an asset's key."""
        plan = self.case.plan(asset)
        if plan.form in {Form.MODEL, Form.MODEL_MULTI} and asset == plan.outputs[-1]:
            return dg.AssetKey(["models", self.model_name(plan)])
        return dg.AssetKey([self.case.name, asset])

    def full(self, asset: str) -> str:
        """Return an asset's key as text, which is its name in the ground truth."""
        return self.key(asset).to_user_string()

    def model_name(self, plan: AssetPlan) -> str:
        """Return the name of the model that a plan makes."""
        return f"{self.case.name}-{plan.name}"

    def read(
        self,
        step: Step,
        plan: AssetPlan,
        inputs: Iterable[InputPlan],
        loaded: Mapping[str, Any],
        context: Any,
        chooser: ModelInputs | None = None,
    ) -> None:
        """Read some inputs of an asset in the modes of its plan."""
        for one in inputs:
            if one.mode is ReadMode.LOADED:
                step.note_loaded(loaded[argument(one)], one.mode, str(one.mapping))
            else:
                self._read_by_itself(step, plan, one, context, chooser)

    def _read_by_itself(
        self,
        step: Step,
        plan: AssetPlan,
        one: InputPlan,
        context: Any,
        chooser: ModelInputs | None,
    ) -> None:
        asset = self.full(one.asset)
        picked = self._picked(plan, one, partitions_of(plan, context))
        if one.mode is ReadMode.CHOSEN:
            assert chooser is not None
            partitions = [each for each in picked if each is not None]
            if picked and not partitions:
                value = chooser.read(self.key(one.asset))
            elif picked:
                value = chooser.read(self.key(one.asset), partitions=partitions)
            else:
                value = None
            step.note_loaded(value, one.mode, str(one.mapping))
            return
        found = step.read(asset, picked, one.mode, str(one.mapping))
        if one.mode is ReadMode.RECORDED and found and self.hook:
            record_own_read(context, self.key(one.asset), found)

    def _picked(
        self, plan: AssetPlan, one: InputPlan, partitions: Sequence[str | None]
    ) -> list[str | None]:
        source = self.case.plan(one.asset).partitioning
        keys = mapped(
            one.mapping, source, plan.partitioning, partitions, self.case.name, self.instance
        )
        if one.pick is Pick.NOTHING:
            return []
        if one.pick is Pick.FEWER:
            return keys[: max(1, len(keys) // 2)]
        if one.pick is Pick.OTHER:
            asset = self.full(one.asset)
            there = sorted(key for name, key in self.ground_truth.contents if name == asset and key)
            others = [key for key in there if key not in keys]
            return others[:2] or keys
        return keys

    def make(
        self, step: Step, plan: AssetPlan, partitions: Sequence[str | None]
    ) -> list[dict[str | None, Write]]:
        """Write all outputs of a step, by partition."""
        form = plan.form.value
        if len(plan.outputs) > 1:
            form = f"{form} ({plan.internal.value})"
        if len(plan.outputs) == 1:
            return [step.make(self.full(plan.name), partitions, form)]
        one, other = self.declared(plan)
        first = step.make(self.full(plan.outputs[0]), partitions, form, (), one)
        of = [] if plan.internal is Internal.SPLIT else list(first.values())
        return [first, step.make(self.full(plan.outputs[1]), partitions, form, of, other)]

    def make_second(
        self, step: Step, plan: AssetPlan, partitions: Sequence[str | None]
    ) -> dict[str | None, Write]:
        """Write only the second output, from the first output of an earlier run."""
        first, second = map(self.full, plan.outputs)
        _, declared = self.declared(plan)
        if plan.internal is not Internal.SPLIT:
            step.read(first, partitions, ReadMode.SILENT, "a partial step")
            declared.add(first)
        return step.make(second, partitions, f"{plan.form.value} (partial)", (), declared)

    def declared(self, plan: AssetPlan) -> tuple[set[str], set[str]]:
        """Return the declared inputs of each of two outputs."""
        names = [self.full(one.asset) for one in plan.inputs]
        if plan.internal is Internal.SPLIT:
            return set(names[:1]), set(names[1:] or names)
        return set(names), set(names) if plan.internal is Internal.BOTH else set()

    def output(
        self, plan: AssetPlan, made: Mapping[str | None, Write], name: str = "result"
    ) -> dg.Output[Any]:
        """Return a body's result for Dagster: tokens, with the data version of the plan."""
        tokens = {partition: write.token for partition, write in made.items()}
        value: Any = next(iter(tokens.values())) if len(tokens) == 1 else tokens
        version = version_of(plan.versions, max(tokens.values()))
        data_version = dg.DataVersion(version) if version else None
        return dg.Output(value, name, data_version=data_version)

    def trained(self, write: Write) -> TrainedModel:
        """Return a model with unique bytes."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        (folder / "model.txt").write_text(f"{self.case.name} {write.token}")
        return TrainedModel(path=folder, signature=SIGNATURE, metrics={"accuracy": 0.8})


def record_own_read(context: Any, key: dg.AssetKey, partitions: Sequence[str | None]) -> None:
    """Call ``record_read`` as a body with its own reads does."""
    from pedigree.dagster import record_read

    named = [partition for partition in partitions if partition is not None]
    record_read(context, key, named or None)


def version_of(versions: Versions, token: int) -> str | None:
    """Return the explicit data version of a content; None if Dagster computes it."""
    if versions is Versions.DISTINCT:
        return f"v{token}"
    if versions is Versions.EQUAL:
        return f"c{token % 2}"
    return None


def partitions_of(plan: AssetPlan, context: Any) -> list[str | None]:
    """Return the partitions that a step makes; only None without partitions."""
    # In a partitioned run, even an unpartitioned step has the run's partition key.
    if plan.partitioning is Partitioning.NONE:
        return [None]
    if context.has_partition_key or getattr(context, "has_partition_key_range", False):
        return list(context.partition_keys)
    return [None]


def argument(one: InputPlan) -> str:
    """Return the name of an input as a function's parameter."""
    return f"i_{one.asset}"


def named(
    body: Callable[..., Any],
    name: str,
    arguments: Iterable[str],
    *,
    context: bool = True,
    chooser: bool = False,
) -> Callable[..., Any]:
    """Give a function with arbitrary parameters the signature for Dagster."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter("context", kind)] if context else []
    if chooser:
        parameters.append(inspect.Parameter("chooser", kind, annotation=ModelInputs))
    parameters += [inspect.Parameter(each, kind) for each in arguments]
    body.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    body.__name__ = name
    return body
