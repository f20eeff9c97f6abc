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
"""

import functools
import hashlib
import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict, Unpack

import dagster as dg
from dagster import AssetIn, AssetOut

from pedigree.catalog.names import validate_name
from pedigree.dagster import metadata
from pedigree.dagster.inputs import AssetLike, ModelInputs, Source, source_of
from pedigree.dagster.line import ModelLine
from pedigree.dagster.names import slug
from pedigree.dagster.resource import RegistryResource
from pedigree.dagster.step import train_in_step
from pedigree.dagster.trained import TrainedModel
from pedigree.errors import InvalidInputError
from pedigree.flavors.plugins import get_flavor
from pedigree.lifecycle.policy import default_policy
from pedigree.lifecycle.records import MetricRule, Policy

REGISTRY_KEY = "registry"
MODEL_IO_MANAGER_KEY = "model_io_manager"
_CONTEXT_NAMES = frozenset({"context", "_context", "context_", "_"})

TrainingFunction = Callable[..., TrainedModel]


class ModelAssetOptions(TypedDict, total=False):
    """What ``@dg.asset`` takes, and goes to it unchanged."""

    ins: Mapping[str, AssetIn]
    deps: Sequence[AssetLike | dg.AssetDep]
    description: str
    metadata: Mapping[str, Any]
    tags: Mapping[str, str]
    owners: Sequence[str]
    kinds: set[str]
    group_name: str
    code_version: str
    automation_condition: dg.AutomationCondition[Any]
    freshness_policy: dg.FreshnessPolicy
    partitions_def: dg.PartitionsDefinition[str]
    backfill_policy: dg.BackfillPolicy
    retry_policy: dg.RetryPolicy
    config_schema: Any
    required_resource_keys: set[str]
    hooks: set[dg.HookDefinition]
    op_tags: Mapping[str, Any]
    pool: str


_OF_OUTPUT = (
    "description",
    "tags",
    "owners",
    "kinds",
    "automation_condition",
    "freshness_policy",
)
_NOT_OF_OP = (*_OF_OUTPUT, "metadata", "code_version")


def model_asset(
    *,
    name: str,
    flavor: str,
    policy: Policy | None = None,
    champion_metric: MetricRule | None = None,
    partition_name: str = "{name}-{partition}",
    **options: Unpack[ModelAssetOptions],
) -> Callable[[TrainingFunction], dg.AssetsDefinition]:
    """Make an asset, ``models/<name>``, of a function that trains a model.

    The function takes what an asset's function takes (a context or none, inputs, config,
    resources) and, if it wants to choose partitions itself, a parameter annotated
    :class:`ModelInputs`. It returns a :class:`TrainedModel`, which is registered inside the step.

    Args:
        name: The registered model's name.
        flavor: How the model is saved and loaded, such as ``sklearn``.
        policy: What a version must show to enter a stage; the default policy when None.
        champion_metric: For the default policy: what must not become worse than the champion's.
        partition_name: For a partitioned asset: the name of each partition's registered model.
        options: What ``@dg.asset`` takes too.

    Raises:
        InvalidInputError: The name breaks the rule, the flavor is not installed, two of the
            arguments contradict each other, or one run is to train several partitions.
    """
    if policy is not None and champion_metric is not None:
        raise InvalidInputError(
            "is part of the policy, and both are given",
            field="champion_metric",
            value=champion_metric.metric,
            remedy="Write policy=default_policy(champion_metric) or Policy(champion_metric=…)",
        )
    if "{partition}" not in partition_name:
        raise InvalidInputError(
            "must contain {partition}, or all partitions would be one model",
            field="partition_name",
            value=partition_name,
            remedy="Write, for example, {name}-{partition}",
        )
    get_flavor(flavor)
    _refuse_single_run(options)
    line = ModelLine(
        name=validate_name(name),
        flavor=flavor,
        partition_name=partition_name,
        policy=policy or default_policy(champion_metric),
    )
    return functools.partial(_make_asset, line, options)


def _make_asset(
    line: ModelLine, options: ModelAssetOptions, function: TrainingFunction
) -> dg.AssetsDefinition:
    signature = _signature(function)
    sources = _sources(options, signature)
    needed = {REGISTRY_KEY} | {source.io_manager_key for source in sources}
    code_version = options.get("code_version") or _source_hash(function)
    trainer = _trainer(line, function, signature, sources, code_version)
    of_op = {key: value for key, value in options.items() if key not in _NOT_OF_OP}
    if "required_resource_keys" in options:
        of_op["required_resource_keys"] = needed | options["required_resource_keys"]
    else:
        _ask_for_resources(trainer, needed)
    of_output: dict[str, Any] = {
        "kinds": {line.flavor or "model"},
        "description": inspect.getdoc(function),
        **{key: value for key, value in options.items() if key in _OF_OUTPUT},
    }
    out = AssetOut(
        key=line.key,
        io_manager_key=MODEL_IO_MANAGER_KEY,
        code_version=code_version,
        metadata=_definition_metadata(line, options, function),
        **of_output,
    )
    make = dg.multi_asset(name=slug(line.name), outs={"model": out}, **of_op)  # type: ignore[arg-type]  # a TypedDict's values cannot be named one by one
    return make(trainer)


def _trainer(
    line: ModelLine,
    function: TrainingFunction,
    signature: inspect.Signature,
    sources: tuple[Source, ...],
    code_version: str,
) -> Callable[..., dg.MaterializeResult[Any]]:
    takes_context = _takes_context(signature)
    chooser = _chooser(signature)
    own = set(signature.parameters)

    @functools.wraps(function)
    def trainer(context: dg.AssetExecutionContext, **arguments: Any) -> dg.MaterializeResult[Any]:
        def train(inputs: ModelInputs) -> object:
            given = {key: value for key, value in arguments.items() if key in own}
            if chooser:
                given[chooser] = inputs
            return function(*((context,) if takes_context else ()), **given)

        return train_in_step(
            context, line, train, sources=sources, function=function, code_version=code_version
        )

    # Dagster reads names and types of inputs, config and resources from the signature.
    del trainer.__wrapped__
    trainer.__annotations__ = {}
    context_parameter = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    rest = list(signature.parameters.values())[1 if takes_context else 0 :]
    parameters = [parameter for parameter in rest if parameter.name != chooser]
    trainer.__signature__ = inspect.Signature([context_parameter, *parameters])  # type: ignore[attr-defined]  # inspect reads it, typeshed does not know it
    return trainer


def _ask_for_resources(trainer: Callable[..., Any], keys: set[str]) -> None:
    """Add parameters for the resources that the step needs beside the function's own.

    Dagster takes resources either by parameter or by key, and the function may use the former.
    """
    signature = inspect.signature(trainer)
    # Dagster sees no input in a keyword-only parameter; right behind the context they need no
    # default, whatever follows.
    added = [
        inspect.Parameter(
            key,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            annotation=RegistryResource if key == REGISTRY_KEY else dg.ResourceParam[object],
        )
        for key in sorted(keys - set(signature.parameters))
    ]
    context, *parameters = signature.parameters.values()
    trainer.__signature__ = signature.replace(parameters=[context, *added, *parameters])  # type: ignore[attr-defined]  # inspect reads it, typeshed does not know it


def _signature(function: TrainingFunction) -> inspect.Signature:
    try:
        signature = inspect.signature(function, eval_str=True)
    except NameError as error:
        raise InvalidInputError(
            f"an annotation cannot be read: {error}",
            field=function.__name__,
            remedy="Import the name at the module's top, not under TYPE_CHECKING",
        ) from error
    return signature.replace(return_annotation=inspect.Signature.empty)


def _takes_context(signature: inspect.Signature) -> bool:
    return next(iter(signature.parameters), None) in _CONTEXT_NAMES


def _chooser(signature: inspect.Signature) -> str | None:
    return next(
        (name for name, each in signature.parameters.items() if each.annotation is ModelInputs),
        None,
    )


def _sources(options: ModelAssetOptions, signature: inspect.Signature) -> tuple[Source, ...]:
    """Return how the dependencies are loaded, where the function wants to load them itself."""
    if _chooser(signature) is None:
        return ()
    return tuple(source_of(asset) for asset in options.get("deps", ()))


def _definition_metadata(
    line: ModelLine, options: ModelAssetOptions, function: TrainingFunction
) -> dict[str, Any]:
    found = {
        **options.get("metadata", {}),
        metadata.LINE: dg.MetadataValue.json(line.model_dump(mode="json")),
    }
    # Dagster's own helper would point to this file, where the function that it sees is defined.
    if reference := _code_reference(function):
        found.setdefault(metadata.CODE_REFERENCES, reference)
    return found


def _code_reference(function: TrainingFunction) -> dg.CodeReferencesMetadataValue | None:
    plain = inspect.unwrap(function)
    file = inspect.getsourcefile(plain)
    if file is None:
        return None
    with warnings.catch_warnings():
        # Beta in 1.13, which is ours to know and no news for whoever defines a model.
        warnings.simplefilter("ignore", dg.BetaWarning)
        reference = dg.LocalFileCodeReference(
            file_path=file, line_number=plain.__code__.co_firstlineno, label=plain.__name__
        )
        return dg.CodeReferencesMetadataValue(code_references=[reference])


def _source_hash(function: TrainingFunction) -> str:
    """Return a hash of the function's source; of its compiled form where the source is not kept."""
    plain = inspect.unwrap(function)
    try:
        content = inspect.getsource(plain).encode()
    except OSError:
        content = plain.__code__.co_code
    return hashlib.sha256(content).hexdigest()[:16]


def _refuse_single_run(options: ModelAssetOptions) -> None:
    policy = options.get("backfill_policy")
    if policy is not None and policy.max_partitions_per_run != 1:
        raise InvalidInputError(
            "would train several partitions in one run, and every one would get the same model",
            field="backfill_policy",
            value=policy,
            remedy="Use BackfillPolicy.multi_run(1), or leave it out",
        )
