"""What the bodies of a case share: they read, note what they read, and write."""

import inspect
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from pedigree.dagster import ModelInputs, TrainedModel
from tests.dagster.capture.law.plans import (
    AssetPlan,
    Case,
    Form,
    How,
    InputPlan,
    Internal,
    Pick,
    Versions,
)
from tests.dagster.capture.law.shapes import Shape, mapped
from tests.dagster.capture.law.world import Step, World, Write
from tests.dagster.models import SIGNATURE


@dataclass
class Kit:
    """The world of a case, and how its bodies act on it."""

    case: Case
    world: World
    instance: dg.DagsterInstance
    folder: Path
    hook: bool = False
    # A graph-backed asset has a body in several ops.
    steps: dict[tuple[str, str], Step] = field(default_factory=dict)

    def key(self, asset: str) -> dg.AssetKey:
        """Return an asset's key."""
        plan = self.case.plan(asset)
        if plan.form in {Form.MODEL, Form.MODEL_MULTI} and asset == plan.outputs[-1]:
            return dg.AssetKey(["models", self.model_name(plan)])
        return dg.AssetKey([self.case.name, asset])

    def full(self, asset: str) -> str:
        """Return an asset's key as text, which is its name in the world."""
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
        """Read some inputs of an asset in all the ways in which its plan says so."""
        for one in inputs:
            if one.how is How.LOADED:
                step.take(loaded[argument(one)], one.how, str(one.mapping))
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
        if one.how is How.CHOSEN:
            assert chooser is not None
            partitions = [each for each in picked if each is not None]
            if picked and not partitions:
                value = chooser.read(self.key(one.asset))
            elif picked:
                value = chooser.read(self.key(one.asset), partitions=partitions)
            else:
                value = None
            step.take(value, one.how, str(one.mapping))
            return
        found = step.read(asset, picked, one.how, str(one.mapping))
        if one.how is How.RECORDED and found and self.hook:
            say_read(context, self.key(one.asset), found)

    def _picked(
        self, plan: AssetPlan, one: InputPlan, partitions: Sequence[str | None]
    ) -> list[str | None]:
        source = self.case.plan(one.asset).shape
        keys = mapped(one.mapping, source, plan.shape, partitions, self.case.name, self.instance)
        if one.pick is Pick.NOTHING:
            return []
        if one.pick is Pick.FEWER:
            return keys[: max(1, len(keys) // 2)]
        if one.pick is Pick.OTHER:
            asset = self.full(one.asset)
            there = sorted(key for name, key in self.world.contents if name == asset and key)
            others = [key for key in there if key not in keys]
            return others[:2] or keys
        return keys

    def make(
        self, step: Step, plan: AssetPlan, partitions: Sequence[str | None]
    ) -> list[dict[str | None, Write]]:
        """Write all outputs of a step, each by its partition."""
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
        """Write the second output alone, of the first as an earlier run has left it."""
        first, second = map(self.full, plan.outputs)
        _, declared = self.declared(plan)
        if plan.internal is not Internal.SPLIT:
            step.read(first, partitions, How.SILENT, "a step in part")
            declared.add(first)
        return step.make(second, partitions, f"{plan.form.value} (in part)", (), declared)

    def declared(self, plan: AssetPlan) -> tuple[set[str], set[str]]:
        """Return the inputs that each of two outputs is said to have."""
        names = [self.full(one.asset) for one in plan.inputs]
        if plan.internal is Internal.SPLIT:
            return set(names[:1]), set(names[1:] or names)
        return set(names), set(names) if plan.internal is Internal.BOTH else set()

    def output(
        self, plan: AssetPlan, made: Mapping[str | None, Write], name: str = "result"
    ) -> dg.Output[Any]:
        """Return what a body hands to Dagster: tokens, with the data version of the plan."""
        tokens = {partition: write.token for partition, write in made.items()}
        value: Any = next(iter(tokens.values())) if len(tokens) == 1 else tokens
        version = version_of(plan.versions, max(tokens.values()))
        data_version = dg.DataVersion(version) if version else None
        return dg.Output(value, name, data_version=data_version)

    def trained(self, write: Write) -> TrainedModel:
        """Return a model whose bytes are like no other's."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        (folder / "model.txt").write_text(f"{self.case.name} {write.token}")
        return TrainedModel(path=folder, signature=SIGNATURE, metrics={"accuracy": 0.8})


def say_read(context: Any, key: dg.AssetKey, partitions: Sequence[str | None]) -> None:
    """Call ``record_read`` as a body that reads by itself does."""
    from pedigree.dagster import record_read

    named = [partition for partition in partitions if partition is not None]
    record_read(context, key, named or None)


def version_of(versions: Versions, token: int) -> str | None:
    """Return the explicit data version of a content; None where Dagster makes one."""
    if versions is Versions.DISTINCT:
        return f"v{token}"
    if versions is Versions.EQUAL:
        return f"c{token % 2}"
    return None


def partitions_of(plan: AssetPlan, context: Any) -> list[str | None]:
    """Return the partitions that a step makes; None alone where there are none."""
    # In a run with a partition key, a step without partitions has the run's.
    if plan.shape is Shape.NONE:
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
    """Give a function that takes anything the parameters that Dagster shall see."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter("context", kind)] if context else []
    if chooser:
        parameters.append(inspect.Parameter("chooser", kind, annotation=ModelInputs))
    parameters += [inspect.Parameter(each, kind) for each in arguments]
    body.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    body.__name__ = name
    return body
