"""``@model_asset``: an asset whose materialization is a version of a model.

::

    @model_asset(name="customer_churn", flavor="sklearn", owners=["team:growth"])
    def customer_churn(train: pd.DataFrame, test: pd.DataFrame) -> TrainedModel:
        model = LogisticRegression().fit(train[FEATURES], train["churned"])
        return TrainedModel(
            model=model,
            metrics={"accuracy": model.score(test[FEATURES], test["churned"])},
            sample=test[FEATURES].head(),
            evaluation_data="mlc_churn/test",
        )

``@model_multi_asset`` is for a step that makes several models, or a model and other assets.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict, Unpack, cast

import dagster as dg
from dagster import AssetIn

from pedigree.dagster.asset_keys import AssetLike
from pedigree.dagster.assets.command import Command
from pedigree.dagster.assets.model_out import ModelOut, OutputOptions
from pedigree.dagster.assets.model_spec import DEFAULT_PARTITION_NAME
from pedigree.dagster.assets.names import slug
from pedigree.dagster.assets.training_code import TrainingCode
from pedigree.dagster.assets.training_function import (
    REGISTRY_KEY,
    Body,
    TrainingFunction,
    add_resource_parameters,
)
from pedigree.dagster.assets.training_step import TrainingStep
from pedigree.dagster.capture.inputs import InputSource, source_of
from pedigree.errors import InvalidInputError
from pedigree.lifecycle.records import MetricRule, Policy

Define = Callable[[Callable[..., Any]], dg.AssetsDefinition]


class StepOptions(TypedDict, total=False):
    """Arguments of ``@dg.multi_asset`` for the whole step, passed through unchanged."""

    ins: Mapping[str, AssetIn]
    deps: Sequence[AssetLike | dg.AssetDep]
    partitions_def: dg.PartitionsDefinition[str]
    backfill_policy: dg.BackfillPolicy
    retry_policy: dg.RetryPolicy
    check_specs: Sequence[dg.AssetCheckSpec]
    config_schema: Any
    required_resource_keys: set[str]
    hooks: set[dg.HookDefinition]
    op_tags: Mapping[str, Any]
    pool: str


class MultiAssetOptions(StepOptions, total=False):
    """The other arguments of ``@dg.multi_asset``."""

    internal_asset_deps: Mapping[str, set[dg.AssetKey]]
    can_subset: bool


class ModelAssetOptions(StepOptions, OutputOptions, total=False):
    """Arguments of ``@dg.asset``, passed through unchanged."""


def model_asset(
    *,
    name: str,
    flavor: str,
    policy: Policy | None = None,
    champion_metric: MetricRule | None = None,
    partition_name: str = DEFAULT_PARTITION_NAME,
    **options: Unpack[ModelAssetOptions],
) -> Define:
    """Make an asset, ``models/<name>``, from a function that trains a model.

    The function takes what an asset's function takes (an optional context, inputs, config,
    resources). If it selects partitions itself, it also takes a parameter annotated
    :class:`ModelInputs`. It returns a :class:`TrainedModel`, which the step registers.
    It may be an ``async def``, or a :class:`Command` that trains in a separate process.

    Args:
        name: The registered model's name.
        flavor: How the model is saved and loaded, such as ``sklearn``.
        policy: The requirements for entering each stage; the default policy when None.
        champion_metric: For the default policy: the metric that must not regress against the
            champion.
        partition_name: For a partitioned asset: the name of each partition's registered model.
            :mod:`pedigree.catalog.partitions` defines how it encodes the partition's key.
        options: Arguments of ``@dg.asset``.

    Raises:
        InvalidInputError: The model's name is invalid, or a partition would make a model with an
            invalid name; the flavor is not installed, two of the arguments contradict each other,
            or one run would train several partitions.
    """
    of_output, of_step = _split(options)
    out = ModelOut(
        name,
        flavor=flavor,
        policy=policy,
        champion_metric=champion_metric,
        partition_name=partition_name,
        **of_output,
    )

    def define(function: Callable[..., Any]) -> dg.AssetsDefinition:
        code = function.code if isinstance(function, Command) else TrainingCode.of(function)
        outs = {"model": out}
        return _make_asset(
            slug(name), outs, of_step, function, code, body=TrainingFunction.body_of_one
        )

    return define


def model_multi_asset(
    *,
    outs: Mapping[str, ModelOut | dg.AssetOut],
    name: str | None = None,
    **options: Unpack[MultiAssetOptions],
) -> Define:
    """Make assets from a function that trains several models, or a model and other assets.

    The function returns one value for each of ``outs``, in their order, or yields ``dg.Output`` or
    ``dg.MaterializeResult``, as with ``@dg.multi_asset``; the value of a :class:`ModelOut` is a
    :class:`TrainedModel`.

    Args:
        outs: The outputs by name.
        name: The step's name; the function's when None.
        options: Arguments of ``@dg.multi_asset``.

    Raises:
        InvalidInputError: No output is a model, a model occurs twice, or one run would train
            several partitions.
    """
    models = [out.model_spec.name for out in outs.values() if isinstance(out, ModelOut)]
    if not models or len(set(models)) < len(models):
        raise InvalidInputError(
            "must contain at least one model, and each model only once",
            field="outs",
            value=models,
            remedy='Write outs={"model": ModelOut("churn", flavor="sklearn"), …}',
        )

    def define(function: Callable[..., Any]) -> dg.AssetsDefinition:
        code = TrainingCode.of(function)
        return _make_asset(name, outs, options, function, code, body=TrainingFunction.body_of_many)

    return define


def _make_asset(
    name: str | None,
    outs: Mapping[str, ModelOut | dg.AssetOut],
    options: MultiAssetOptions,
    function: Callable[..., Any],
    code: TrainingCode,
    *,
    body: Callable[..., Body],
) -> dg.AssetsDefinition:
    _refuse_single_run(options)
    for out in outs.values():
        if isinstance(out, ModelOut):
            out.model_spec.require_names(options.get("partitions_def"))
    training = TrainingFunction.of(function)
    sources = _sources(options, training)
    model_specs = {
        key: out.model_spec if isinstance(out, ModelOut) else None for key, out in outs.items()
    }

    def begin(context: dg.AssetExecutionContext) -> TrainingStep:
        return TrainingStep(context, model_specs, sources, code.folder)

    trainer = body(training, begin)
    of_op: dict[str, Any] = dict(options)
    needed = {REGISTRY_KEY} | {source.io_manager_key for source in sources}
    if "required_resource_keys" in options:
        of_op["required_resource_keys"] = needed | options["required_resource_keys"]
    else:
        add_resource_parameters(trainer, needed)
    if own := {
        source.io_manager_key: source.own_io_manager for source in sources if source.own_io_manager
    }:
        of_op["resource_defs"] = own
    required = not options.get("can_subset", False)
    made = {
        key: out.asset_out(code, required=required) if isinstance(out, ModelOut) else out
        for key, out in outs.items()
    }
    return dg.multi_asset(name=name, outs=made, **of_op)(trainer)


def _split(options: ModelAssetOptions) -> tuple[OutputOptions, MultiAssetOptions]:
    of_output = OutputOptions.__optional_keys__
    return (
        cast(OutputOptions, {key: value for key, value in options.items() if key in of_output}),
        cast(
            MultiAssetOptions,
            {key: value for key, value in options.items() if key not in of_output},
        ),
    )


def _sources(options: StepOptions, training: TrainingFunction) -> tuple[InputSource, ...]:
    """Return how the dependencies are loaded, if the function loads them itself."""
    if training.chooser is None:
        return ()
    return tuple(source_of(asset) for asset in options.get("deps", ()))


def _refuse_single_run(options: StepOptions) -> None:
    policy = options.get("backfill_policy")
    if policy is not None and policy.max_partitions_per_run != 1:
        raise InvalidInputError(
            "would train several partitions in one run, and all would get the same model",
            field="backfill_policy",
            value=policy,
            remedy="Use BackfillPolicy.multi_run(1), or omit it",
        )
