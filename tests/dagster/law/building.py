"""Dagster definitions of a case: every form of asset, with a body that notes what it reads."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import dagster as dg

from pedigree.dagster import (
    ModelOut,
    RegistryResource,
    model_asset,
    model_multi_asset,
    registry_definitions,
)
from tests.dagster.law.kit import Kit, argument, named, partitions_of, version_of
from tests.dagster.law.managers import managers, own_definition
from tests.dagster.law.plans import (
    AssetPlan,
    Case,
    Form,
    How,
    InputPlan,
    Internal,
    Manager,
    Pick,
    Versions,
)
from tests.dagster.law.shapes import DEFAULT, definition_of
from tests.dagster.law.world import Step

MODEL_IO = "model_io_manager"


def build(kit: Kit, registry: RegistryResource) -> dg.Definitions:
    """Return the definitions of a case as they are now."""
    assets: dict[str, Any] = {}
    for plan in kit.case.assets:
        assets[plan.name] = _BUILDERS[plan.form](Builder(kit, plan, assets))
    models = [
        assets[plan.name] if plan.form in {Form.MODEL, Form.MODEL_MULTI} else kit.model_name(plan)
        for plan in kit.case.assets
        if plan.form.is_model
    ]
    defs = dg.Definitions.merge(
        dg.Definitions(
            assets=list(assets.values()), resources=managers(kit.case.name, bare=is_bare(kit.case))
        ),
        registry_definitions(*models, registry=registry, checks=False),
    )
    if not kit.hook:
        return defs
    from pedigree.dagster import with_lineage

    return with_lineage(defs)


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
            "ins": {argument(one): self._asset_in(one) for one in self.loaded},
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

    def _asset_in(self, one: InputPlan) -> dg.AssetIn:
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


def _external(builder: Builder) -> dg.AssetSpec:
    return dg.AssetSpec(
        builder.kit.key(builder.plan.name),
        partitions_def=builder.partitions_def,
        metadata={"dagster/io_manager_key": "plain_io"},
    )


def _observable(builder: Builder) -> Any:
    kit, plan = builder.kit, builder.plan

    def observe() -> dg.DataVersion:
        # The history has decided whether the content changes before it has it observed.
        write = kit.world.contents[kit.full(plan.name), None]
        return dg.DataVersion(version_of(plan.versions, write.token) or "")

    return dg.observable_source_asset(key=kit.key(plan.name), io_manager_key="plain_io")(observe)


def _plain(builder: Builder) -> dg.AssetsDefinition:
    kit, plan = builder.kit, builder.plan

    def body(context: dg.AssetExecutionContext, **loaded: Any) -> dg.Output[Any]:
        builder.stumble(context, loaded)
        step = builder.step(context, loaded)
        (made,) = kit.make(step, plan, partitions_of(plan, context))
        return kit.output(plan, made)

    options = {**builder.shared, **builder.ranges, **builder.manager, **builder.code}
    return dg.asset(key=kit.key(plan.name), **options)(builder.named(body))


def _events(builder: Builder) -> dg.AssetsDefinition:
    kit, plan = builder.kit, builder.plan

    def body(context: dg.AssetExecutionContext, **loaded: Any) -> Iterator[dg.AssetMaterialization]:
        step = builder.step(context, loaded)
        (made,) = kit.make(step, plan, partitions_of(plan, context))
        for partition, write in made.items():
            version = version_of(plan.versions, write.token)
            tags = {"dagster/data_version": version} if version else {}
            yield dg.AssetMaterialization(context.asset_key, partition=partition, tags=tags)

    options = {**builder.shared, **builder.ranges, **builder.manager, **builder.code}
    return dg.asset(key=kit.key(plan.name), output_required=False, **options)(builder.named(body))


def _multi(builder: Builder) -> dg.AssetsDefinition:
    kit, plan = builder.kit, builder.plan

    def body(context: dg.AssetExecutionContext, **loaded: Any) -> Iterator[dg.Output[Any]]:
        step = builder.step(context, loaded)
        partitions = partitions_of(plan, context)
        selected = context.op_execution_context.selected_output_names
        if "o0" in selected:
            made = dict(zip(outs, kit.make(step, plan, partitions), strict=True))
        else:
            made = {"o1": kit.make_second(step, plan, partitions)}
        for name in outs:
            if name in selected:
                yield kit.output(plan, made[name], name)

    outs = {
        f"o{place}": dg.AssetOut(
            key=kit.key(name),
            io_manager_key=builder.io_key,
            is_required=not plan.subset,
            **builder.code,
        )
        for place, name in enumerate(plan.outputs)
    }
    return dg.multi_asset(
        name=f"{plan.name}_step",
        outs=outs,
        internal_asset_deps=_internal(builder, "o0", "o1"),
        can_subset=plan.subset,
        **builder.shared,
    )(builder.named(body))


def _internal(builder: Builder, first: str, second: str) -> dict[str, set[dg.AssetKey]]:
    kit, plan = builder.kit, builder.plan
    one, other = (
        {dg.AssetKey.from_user_string(name) for name in names} for names in kit.declared(plan)
    )
    itself = set() if plan.internal is Internal.SPLIT else {kit.key(plan.outputs[0])}
    return {first: one, second: other | itself}


def _graph(builder: Builder) -> dg.AssetsDefinition:
    """Spread the reads over two ops; the second one writes."""
    kit, plan = builder.kit, builder.plan
    half = len(plan.inputs) // 2
    parts = plan.inputs[:half], plan.inputs[half:]

    def first(context: dg.OpExecutionContext, **loaded: Any) -> str:
        step = kit.steps[context.run_id, plan.name] = kit.world.begin()
        kit.read(step, plan, parts[0], loaded, context)
        return "read"

    def last(context: dg.OpExecutionContext, **loaded: Any) -> dg.Output[Any]:
        assert loaded["before"] == "read"
        step = kit.steps.pop((context.run_id, plan.name))
        kit.read(step, plan, parts[1], loaded, context)
        (made,) = kit.make(step, plan, partitions_of(plan, context))
        if plan.form is Form.MODEL_GRAPH:
            return dg.Output(kit.trained(made[None]))
        return kit.output(plan, made)

    ops = [
        _op(f"{plan.name}_first", first, parts[0], [], dg.Out(io_manager_key=builder.io_key)),
        _op(f"{plan.name}_last", last, parts[1], ["before"], _graph_out(builder)),
    ]

    def compose(**handles: Any) -> Any:
        given = [{argument(one): handles[argument(one)] for one in part} for part in parts]
        return ops[1](before=ops[0](**given[0]), **given[1])

    names = [argument(one) for one in plan.inputs]
    return dg.graph_asset(
        key=kit.key(plan.name),
        ins={argument(one): builder._asset_in(one) for one in plan.inputs},
        partitions_def=builder.partitions_def,
        metadata=_model_metadata(builder) if plan.form.is_model else None,
        **builder.code,
    )(named(compose, plan.name, names, context=False))


def _graph_out(builder: Builder) -> dg.Out:
    is_model = builder.plan.form is Form.MODEL_GRAPH
    return dg.Out(io_manager_key=MODEL_IO if is_model else builder.io_key)


def _op(
    name: str, body: Callable[..., Any], inputs: tuple[InputPlan, ...], before: list[str], out: Any
) -> Any:
    ins = {
        argument(one): dg.In(
            metadata={"allow_missing_partitions": True},
            input_manager_key="loader" if one.by_input_manager else None,
        )
        if one.how is How.LOADED
        else dg.In(dg.Nothing)
        for one in inputs
    }
    loaded = [argument(one) for one in inputs if one.how is How.LOADED]
    # Nothing inputs are no parameters of the function.
    return dg.op(name=name, ins=ins, out=out)(named(body, name, [*before, *loaded]))


def _model(builder: Builder) -> dg.AssetsDefinition:
    kit, plan = builder.kit, builder.plan

    def body(context: dg.AssetExecutionContext, **loaded: Any) -> Any:
        step = builder.step(context, loaded)
        (made,) = kit.make(step, plan, partitions_of(plan, context))
        (write,) = made.values()
        return kit.trained(write)

    options = builder.shared
    if options["partitions_def"] is None:
        del options["partitions_def"]
    return model_asset(name=kit.model_name(plan), flavor="generic", **options)(
        builder.named(body, chooser=builder.chooses)
    )


def _model_multi(builder: Builder) -> dg.AssetsDefinition:
    kit, plan = builder.kit, builder.plan

    def body(context: dg.AssetExecutionContext, **loaded: Any) -> Any:
        step = builder.step(context, loaded)
        table, model = kit.make(step, plan, partitions_of(plan, context))
        (write,) = model.values()
        return kit.output(plan, table), kit.trained(write)

    outs = {
        "table": dg.AssetOut(key=kit.key(plan.outputs[0]), io_manager_key=builder.io_key),
        "model": ModelOut(kit.model_name(plan), flavor="generic"),
    }
    options = builder.shared
    if options["partitions_def"] is None:
        del options["partitions_def"]
    return model_multi_asset(
        name=f"{plan.name}_step",
        outs=outs,
        internal_asset_deps=_internal(builder, "table", "model"),
        **options,
    )(builder.named(body))


def _model_metadata(builder: Builder) -> dict[str, str]:
    return {
        "pedigree/model": builder.kit.model_name(builder.plan),
        "pedigree/flavor": "generic",
    }


def _model_plain(builder: Builder) -> dg.AssetsDefinition:
    kit, plan = builder.kit, builder.plan

    def body(context: dg.AssetExecutionContext, **loaded: Any) -> Any:
        (made,) = kit.make(builder.step(context, loaded), plan, [None])
        return kit.trained(made[None])

    return dg.asset(
        key=kit.key(plan.name),
        io_manager_key=MODEL_IO,
        metadata=_model_metadata(builder),
        **builder.shared,
    )(builder.named(body))


def _model_bound(builder: Builder) -> dg.AssetsDefinition:
    kit, plan = builder.kit, builder.plan

    def body(context: dg.AssetExecutionContext, **loaded: Any) -> dg.Output[int]:
        (made,) = kit.make(builder.step(context, loaded), plan, [None])
        context.resources.registry.bind(context).register(
            kit.model_name(plan),
            kit.trained(made[None]),
            flavor="generic",
            trained_on=[kit.key(one.asset) for one in plan.inputs],
        )
        return dg.Output(made[None].token)

    return dg.asset(
        key=kit.key(plan.name),
        required_resource_keys={"registry"},
        io_manager_key=builder.io_key,
        **builder.shared,
    )(builder.named(body))


_BUILDERS: dict[Form, Callable[[Builder], Any]] = {
    Form.EXTERNAL: _external,
    Form.OBSERVABLE: _observable,
    Form.PLAIN: _plain,
    Form.EVENTS: _events,
    Form.GRAPH: _graph,
    Form.MULTI: _multi,
    Form.MODEL: _model,
    Form.MODEL_MULTI: _model_multi,
    Form.MODEL_PLAIN: _model_plain,
    Form.MODEL_GRAPH: _graph,
    Form.MODEL_BOUND: _model_bound,
}
