"""What a definition is made of, whatever the form of its asset."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import dagster as dg

from tests.dagster.capture.law.kit import Kit, argument, named
from tests.dagster.capture.law.managers import own_definition
from tests.dagster.capture.law.plans import (
    AssetPlan,
    Case,
    How,
    InputPlan,
    Internal,
    Manager,
    Pick,
    Versions,
)
from tests.dagster.capture.law.shapes import DEFAULT, definition_of
from tests.dagster.capture.law.world import Step

MODEL_IO = "model_io_manager"


def is_bare(case: Case) -> bool:
    """Say whether a case leaves ``io_manager`` to Dagster."""
    return any(plan.manager is Manager.DEFAULT for plan in case.assets)


class Builder:
    """One asset of a case on its way to a definition."""

    def __init__(self, kit: Kit, plan: AssetPlan, assets: Mapping[str, Any]) -> None:
        self.kit = kit
        self.plan = plan
        self.assets = assets
        self.loaded = [one for one in plan.inputs if one.how is How.LOADED]
        self.arguments = [argument(one) for one in self.loaded]
        self.chooses = any(one.how is How.CHOSEN for one in plan.inputs)

    @property
    def shared(self) -> dict[str, Any]:
        """What all decorators take: inputs, dependencies, partitions."""
        return {
            "ins": {argument(one): self.asset_in(one) for one in self.loaded},
            "deps": [self._dep(one) for one in self.plan.inputs if one.how is not How.LOADED],
            "partitions_def": self.partitions_def,
        }

    @property
    def partitions_def(self) -> Any:
        return definition_of(self.plan.shape, self.kit.case.name)

    @property
    def ranges(self) -> dict[str, Any]:
        policy = dg.BackfillPolicy.single_run()
        return {"backfill_policy": policy} if self.plan.ranges else {}

    @property
    def io_key(self) -> str:
        keys = {
            Manager.PLAIN: "plain_io" if is_bare(self.kit.case) else "io_manager",
            Manager.CONFIGURABLE: "configurable_io",
            Manager.FUNCTION: "function_io",
        }
        return keys.get(self.plan.manager, "io_manager")

    @property
    def manager(self) -> dict[str, Any]:
        if self.plan.manager is Manager.DEFINITION:
            return {"io_manager_def": own_definition(self.kit.world)}
        return {"io_manager_key": self.io_key}

    @property
    def code(self) -> dict[str, Any]:
        return {"code_version": "1"} if self.plan.versions is Versions.CODED else {}

    def asset_in(self, one: InputPlan) -> dg.AssetIn:
        return dg.AssetIn(
            key=self.kit.key(one.asset),
            partition_mapping=one.mapping.build(),
            metadata={"allow_missing_partitions": True},
            input_manager_key="loader" if one.by_input_manager else None,
        )

    def _dep(self, one: InputPlan) -> Any:
        if one.how is How.CHOSEN:
            return self.assets[one.asset]
        return dg.AssetDep(self.kit.key(one.asset), partition_mapping=one.mapping.build())

    def step(self, context: Any, loaded: Mapping[str, Any]) -> Step:
        """Begin the body: read everything."""
        step = self.kit.world.begin()
        chooser = loaded.get("chooser")
        self.kit.read(step, self.plan, self.plan.inputs, loaded, context, chooser)
        return step

    def stumble(self, context: Any, loaded: Mapping[str, Any]) -> None:
        """Read other partitions than the body will, and fail; the step is retried."""
        if not self.plan.stumbles or context.op_execution_context.retry_number:
            return
        inputs = [
            replace(one, pick=Pick.OTHER if one.mapping != DEFAULT else one.pick)
            for one in self.plan.inputs
            if one.how is How.RECORDED
        ]
        self.kit.read(self.kit.world.begin(), self.plan, inputs, loaded, context)
        raise dg.RetryRequested(max_retries=1)

    def named(self, body: Callable[..., Any], **more: bool) -> Callable[..., Any]:
        return named(body, self.plan.name, self.arguments, **more)


def internal_deps(builder: Builder, first: str, second: str) -> dict[str, set[dg.AssetKey]]:
    kit, plan = builder.kit, builder.plan
    one, other = (
        {dg.AssetKey.from_user_string(name) for name in names} for names in kit.declared(plan)
    )
    itself = set() if plan.internal is Internal.SPLIT else {kit.key(plan.outputs[0])}
    return {first: one, second: other | itself}


def model_metadata(builder: Builder) -> dict[str, str]:
    return {
        "pedigree/model": builder.kit.model_name(builder.plan),
        "pedigree/flavor": "generic",
    }
