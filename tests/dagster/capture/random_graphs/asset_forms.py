"""All forms of assets except models, with bodies that record what they read."""

from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg

from tests.dagster.capture.random_graphs.asset_builder import (
    MODEL_IO,
    Builder,
    internal_deps,
    model_metadata,
)
from tests.dagster.capture.random_graphs.bodies import argument, named, partitions_of, version_of
from tests.dagster.capture.random_graphs.plans import (
    Form,
    InputPlan,
    ReadMode,
)


def external(builder: Builder) -> dg.AssetSpec:
    return dg.AssetSpec(
        builder.bodies.key(builder.plan.name),
        partitions_def=builder.partitions_def,
        metadata={"dagster/io_manager_key": "plain_io"},
    )


def observable(builder: Builder) -> Any:
    bodies, plan = builder.bodies, builder.plan

    def observe() -> dg.DataVersion:
        # The history decides whether the content changes before the observation.
        write = bodies.ground_truth.contents[bodies.full(plan.name), None]
        return dg.DataVersion(version_of(plan.versions, write.token) or "")

    return dg.observable_source_asset(key=bodies.key(plan.name), io_manager_key="plain_io")(observe)


def plain(builder: Builder) -> dg.AssetsDefinition:
    bodies, plan = builder.bodies, builder.plan

    def body(context: dg.AssetExecutionContext, **loaded: Any) -> dg.Output[Any]:
        builder.fail_first(context, loaded)
        step = builder.step(context, loaded)
        (made,) = bodies.make(step, plan, partitions_of(plan, context))
        return bodies.output(plan, made)

    options = {**builder.shared, **builder.ranges, **builder.manager, **builder.code}
    return dg.asset(key=bodies.key(plan.name), **options)(builder.named(body))


def events(builder: Builder) -> dg.AssetsDefinition:
    bodies, plan = builder.bodies, builder.plan

    def body(context: dg.AssetExecutionContext, **loaded: Any) -> Iterator[dg.AssetMaterialization]:
        step = builder.step(context, loaded)
        (made,) = bodies.make(step, plan, partitions_of(plan, context))
        for partition, write in made.items():
            version = version_of(plan.versions, write.token)
            tags = {"dagster/data_version": version} if version else {}
            yield dg.AssetMaterialization(context.asset_key, partition=partition, tags=tags)

    options = {**builder.shared, **builder.ranges, **builder.manager, **builder.code}
    return dg.asset(key=bodies.key(plan.name), output_required=False, **options)(
        builder.named(body)
    )


def multi(builder: Builder) -> dg.AssetsDefinition:
    bodies, plan = builder.bodies, builder.plan

    def body(context: dg.AssetExecutionContext, **loaded: Any) -> Iterator[dg.Output[Any]]:
        step = builder.step(context, loaded)
        partitions = partitions_of(plan, context)
        selected = context.op_execution_context.selected_output_names
        if "o0" in selected:
            made = dict(zip(outs, bodies.make(step, plan, partitions), strict=True))
        else:
            made = {"o1": bodies.make_second(step, plan, partitions)}
        for name in outs:
            if name in selected:
                yield bodies.output(plan, made[name], name)

    outs = {
        f"o{place}": dg.AssetOut(
            key=bodies.key(name),
            io_manager_key=builder.io_key,
            is_required=not plan.subset,
            **builder.code,
        )
        for place, name in enumerate(plan.outputs)
    }
    return dg.multi_asset(
        name=f"{plan.name}_step",
        outs=outs,
        internal_asset_deps=internal_deps(builder, "o0", "o1"),
        can_subset=plan.subset,
        **builder.shared,
    )(builder.named(body))


def graph(builder: Builder) -> dg.AssetsDefinition:
    """Build a graph of two ops that share the reads; the second one writes."""
    bodies, plan = builder.bodies, builder.plan
    half = len(plan.inputs) // 2
    parts = plan.inputs[:half], plan.inputs[half:]

    def first(context: dg.OpExecutionContext, **loaded: Any) -> str:
        step = bodies.steps[context.run_id, plan.name] = bodies.ground_truth.begin()
        bodies.read(step, plan, parts[0], loaded, context)
        return "read"

    def last(context: dg.OpExecutionContext, **loaded: Any) -> dg.Output[Any]:
        assert loaded["before"] == "read"
        step = bodies.steps.pop((context.run_id, plan.name))
        bodies.read(step, plan, parts[1], loaded, context)
        (made,) = bodies.make(step, plan, partitions_of(plan, context))
        if plan.form is Form.MODEL_GRAPH:
            return dg.Output(bodies.trained(made[None]))
        return bodies.output(plan, made)

    ops = [
        _op(f"{plan.name}_first", first, parts[0], [], dg.Out(io_manager_key=builder.io_key)),
        _op(f"{plan.name}_last", last, parts[1], ["before"], _graph_out(builder)),
    ]

    def compose(**handles: Any) -> Any:
        given = [{argument(one): handles[argument(one)] for one in part} for part in parts]
        return ops[1](before=ops[0](**given[0]), **given[1])

    names = [argument(one) for one in plan.inputs]
    return dg.graph_asset(
        key=bodies.key(plan.name),
        ins={argument(one): builder.asset_in(one) for one in plan.inputs},
        partitions_def=builder.partitions_def,
        metadata=model_metadata(builder) if plan.form.is_model else None,
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
        if one.mode is ReadMode.LOADED
        else dg.In(dg.Nothing)
        for one in inputs
    }
    loaded = [argument(one) for one in inputs if one.mode is ReadMode.LOADED]
    # Inputs of type Nothing are not parameters of the function.
    return dg.op(name=name, ins=ins, out=out)(named(body, name, [*before, *loaded]))
