"""Models of every form."""

from typing import Any

import dagster as dg

from pedigree.dagster import (
    ModelOut,
    model_asset,
    model_multi_asset,
)
from tests.dagster.capture.law.builder import MODEL_IO, Builder, internal_deps, model_metadata
from tests.dagster.capture.law.kit import partitions_of


def model(builder: Builder) -> dg.AssetsDefinition:
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


def model_multi(builder: Builder) -> dg.AssetsDefinition:
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
        internal_asset_deps=internal_deps(builder, "table", "model"),
        **options,
    )(builder.named(body))


def model_plain(builder: Builder) -> dg.AssetsDefinition:
    kit, plan = builder.kit, builder.plan

    def body(context: dg.AssetExecutionContext, **loaded: Any) -> Any:
        (made,) = kit.make(builder.step(context, loaded), plan, [None])
        return kit.trained(made[None])

    return dg.asset(
        key=kit.key(plan.name),
        io_manager_key=MODEL_IO,
        metadata=model_metadata(builder),
        **builder.shared,
    )(builder.named(body))


def model_bound(builder: Builder) -> dg.AssetsDefinition:
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
