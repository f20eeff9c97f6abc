"""The parts of a definition that all forms of assets have in common."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import dagster as dg

from tests.dagster.capture.random_graphs.bodies import CaseBodies, argument, named
from tests.dagster.capture.random_graphs.ground_truth import Step
from tests.dagster.capture.random_graphs.io_managers import own_definition
from tests.dagster.capture.random_graphs.partitionings import DEFAULT, definition_of
from tests.dagster.capture.random_graphs.plans import (
    AssetPlan,
    Case,
    InputPlan,
    Internal,
    Manager,
    Pick,
    ReadMode,
    Versions,
)

MODEL_IO = "model_io_manager"


def is_bare(case: Case) -> bool:
    """Return whether a case uses Dagster's default for ``io_manager``."""
    return any(plan.manager is Manager.DEFAULT for plan in case.assets)


class Builder:
    """Builds the definition of one asset of a case."""

    def __init__(self, bodies: CaseBodies, plan: AssetPlan, assets: Mapping[str, Any]) -> None:
        self.bodies = bodies
        self.plan = plan
        self.assets = assets
        self.loaded = [one for one in plan.inputs if one.mode is ReadMode.LOADED]
        self.arguments = [argument(one) for one in self.loaded]
        self.chooses = any(one.mode is ReadMode.CHOSEN for one in plan.inputs)

    @property
    def shared(self) -> dict[str, Any]:
        """The arguments of all decorators: inputs, dependencies, partitions."""
        return {
            "ins": {argument(one): self.asset_in(one) for one in self.loaded},
            "deps": [self._dep(one) for one in self.plan.inputs if one.mode is not ReadMode.LOADED],
            "partitions_def": self.partitions_def,
        }

    @property
    def partitions_def(self) -> Any:
        return definition_of(self.plan.partitioning, self.bodies.case.name)

    @property
    def ranges(self) -> dict[str, Any]:
        policy = dg.BackfillPolicy.single_run()
        return {"backfill_policy": policy} if self.plan.ranges else {}

    @property
    def io_key(self) -> str:
        keys = {
            Manager.PLAIN: "plain_io" if is_bare(self.bodies.case) else "io_manager",
            Manager.CONFIGURABLE: "configurable_io",
            Manager.FUNCTION: "function_io",
        }
        return keys.get(self.plan.manager, "io_manager")

    @property
    def manager(self) -> dict[str, Any]:
        if self.plan.manager is Manager.DEFINITION:
            return {"io_manager_def": own_definition(self.bodies.ground_truth)}
        return {"io_manager_key": self.io_key}

    @property
    def code(self) -> dict[str, Any]:
        return {"code_version": "1"} if self.plan.versions is Versions.CODED else {}

    def asset_in(self, one: InputPlan) -> dg.AssetIn:
        return dg.AssetIn(
            key=self.bodies.key(one.asset),
            partition_mapping=one.mapping.build(),
            metadata={"allow_missing_partitions": True},
            input_manager_key="loader" if one.by_input_manager else None,
        )

    def _dep(self, one: InputPlan) -> Any:
        if one.mode is ReadMode.CHOSEN:
            return self.assets[one.asset]
        return dg.AssetDep(self.bodies.key(one.asset), partition_mapping=one.mapping.build())

    def step(self, context: Any, loaded: Mapping[str, Any]) -> Step:
        """Start the body: read all inputs."""
        step = self.bodies.ground_truth.begin()
        chooser = loaded.get("chooser")
        self.bodies.read(step, self.plan, self.plan.inputs, loaded, context, chooser)
        return step

    def fail_first(self, context: Any, loaded: Mapping[str, Any]) -> None:
        """Read other partitions than the body does, and fail, so that the step is retried."""
        if not self.plan.fails_first or context.op_execution_context.retry_number:
            return
        inputs = [
            replace(one, pick=Pick.OTHER if one.mapping != DEFAULT else one.pick)
            for one in self.plan.inputs
            if one.mode is ReadMode.RECORDED
        ]
        self.bodies.read(self.bodies.ground_truth.begin(), self.plan, inputs, loaded, context)
        raise dg.RetryRequested(max_retries=1)

    def named(self, body: Callable[..., Any], **more: bool) -> Callable[..., Any]:
        return named(body, self.plan.name, self.arguments, **more)


def internal_deps(builder: Builder, first: str, second: str) -> dict[str, set[dg.AssetKey]]:
    bodies, plan = builder.bodies, builder.plan
    one, other = (
        {dg.AssetKey.from_user_string(name) for name in names} for names in bodies.declared(plan)
    )
    itself = set() if plan.internal is Internal.SPLIT else {bodies.key(plan.outputs[0])}
    return {first: one, second: other | itself}


def model_metadata(builder: Builder) -> dict[str, str]:
    return {
        "pedigree/model": builder.bodies.model_name(builder.plan),
        "pedigree/flavor": "generic",
    }
