"""All forms of models."""

from typing import Any

import dagster as dg

from pedigree.dagster import (
    ModelOut,
    model_asset,
    model_multi_asset,
)
from tests.dagster.capture.random_graphs.asset_builder import (
    MODEL_IO,
    Builder,
    internal_deps,
    model_metadata,
)
from tests.dagster.capture.random_graphs.bodies import partitions_of


def model(builder: Builder) -> dg.AssetsDefinition:
    bodies, plan = builder.bodies, builder.plan

    def body(context: dg.AssetExecutionContext, **loaded: Any) -> Any:
        step = builder.step(context, loaded)
        (made,) = bodies.make(step, plan, partitions_of(plan, context))
        (write,) = made.values()
        return bodies.trained(write)

    options = builder.shared
    if options["partitions_def"] is None:
        del options["partitions_def"]
    return model_asset(name=bodies.model_name(plan), flavor="generic", **options)(
        builder.named(body, chooser=builder.chooses)
    )


def model_multi(builder: Builder) -> dg.AssetsDefinition:
    bodies, plan = builder.bodies, builder.plan

    def body(context: dg.AssetExecutionContext, **loaded: Any) -> Any:
        step = builder.step(context, loaded)
        table, model = bodies.make(step, plan, partitions_of(plan, context))
        (write,) = model.values()
        return bodies.output(plan, table), bodies.trained(write)

    outs = {
        "table": dg.AssetOut(key=bodies.key(plan.outputs[0]), io_manager_key=builder.io_key),
        "model": ModelOut(bodies.model_name(plan), flavor="generic"),
    }
    options = builder.shared
    if options["partitions_def"] is None:
        del options["partitions_def"]
    return model_multi_asset(
        name=f"{plan.name}_step",
        outs=outs,
        internal_asset_deps=internal_deps(builder, "table", "model"),
        **options,
    )(builder.named(body))


def model_plain(builder: Builder) -> dg.AssetsDefinition:
    bodies, plan = builder.bodies, builder.plan

    def body(context: dg.AssetExecutionContext, **loaded: Any) -> Any:
        (made,) = bodies.make(builder.step(context, loaded), plan, [None])
        return bodies.trained(made[None])

    return dg.asset(
        key=bodies.key(plan.name),
        io_manager_key=MODEL_IO,
        metadata=model_metadata(builder),
        **builder.shared,
    )(builder.named(body))


def model_bound(builder: Builder) -> dg.AssetsDefinition:
    bodies, plan = builder.bodies, builder.plan

    def body(context: dg.AssetExecutionContext, **loaded: Any) -> dg.Output[int]:
        (made,) = bodies.make(builder.step(context, loaded), plan, [None])
        context.resources.registry.bind(context).register(
            bodies.model_name(plan),
            bodies.trained(made[None]),
            flavor="generic",
            trained_on=[bodies.key(one.asset) for one in plan.inputs],
        )
        return dg.Output(made[None].token)

    return dg.asset(
        key=bodies.key(plan.name),
        required_resource_keys={"registry"},
        io_manager_key=builder.io_key,
        **builder.shared,
    )(builder.named(body))
