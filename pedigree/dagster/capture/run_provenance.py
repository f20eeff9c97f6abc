"""The run, step, instance and actor of the running Dagster code."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import dagster as dg

from pedigree.access.reserved import claimed
from pedigree.catalog.records import TrainingOrigin
from pedigree.dagster import metadata_keys
from pedigree.errors import InvalidInputError

StepContext: TypeAlias = dg.OpExecutionContext | dg.AssetExecutionContext


@dataclass(frozen=True, kw_only=True)
class RunProvenance:
    """The run and step in which code runs."""

    run_id: str
    instance_id: str | None
    job_name: str | None = None
    step_key: str | None = None
    asset: str | None = None
    partition: str | None = None
    actor: str | None = None
    config: dict[str, Any] | None = None

    def origin(self) -> TrainingOrigin:
        """Return what the registry stores in addition to the run's id."""
        return TrainingOrigin(
            instance_id=self.instance_id,
            job_name=self.job_name,
            step_key=self.step_key,
            asset=self.asset,
            partition=self.partition,
            config=self.config,
        )


def provenance_of(context: StepContext, asset: dg.AssetKey | None = None) -> RunProvenance:
    """Return the provenance of a step.

    Raises:
        InvalidInputError: The function was called directly, so there is no run.
        ReservedNameError: The run's tags claim a name that Pedigree reserves.
    """
    try:
        run = context.run
    except dg.DagsterError as error:
        raise _no_run() from error
    return RunProvenance(
        run_id=run.run_id,
        instance_id=instance_id(context.instance),
        job_name=run.job_name,
        step_key=step_key_of(context),
        asset=asset.to_user_string() if asset else None,
        partition=_partition_of(context),
        actor=actor_of(run.tags),
        config=_config_of(run, f"{op_context_of(context).op_handle}"),
    )


def step_key_of(context: StepContext) -> str:
    """Return the key of the running step, as the events of its run name it."""
    mapping_key = op_context_of(context).get_mapping_key()
    return f"{op_context_of(context).op_handle}" + (f"[{mapping_key}]" if mapping_key else "")


def op_context_of(context: StepContext) -> dg.OpExecutionContext:
    """Return the op context of a step."""
    return (
        context.op_execution_context if isinstance(context, dg.AssetExecutionContext) else context
    )


def makes_asset(context: StepContext) -> bool:
    """Return whether the step makes an asset, so that the asset graph has its inputs."""
    return op_context_of(context).get_step_execution_context().assets_def is not None


def makes_partitions(context: StepContext) -> bool:
    """Return whether the step makes partitions; the run's key may be for other assets."""
    asset = op_context_of(context).get_step_execution_context().assets_def
    if asset is not None and asset.partitions_def is None:
        return False
    return context.has_partition_key or context.has_partition_key_range


def partition_of(context: dg.AssetCheckExecutionContext, asset: dg.AssetKey) -> str | None:
    """Return the partition of an asset that a check examines; None if the asset has none."""
    step = context.op_execution_context.get_step_execution_context()
    partitioned = step.job_def.asset_layer.get(asset).partitions_def is not None
    return context.partition_key if partitioned and context.has_partition_key else None


def _partition_of(context: StepContext) -> str | None:
    only_one = context.has_partition_key and makes_partitions(context)
    return context.partition_key if only_one else None


def _config_of(run: dg.DagsterRun, step: str) -> dict[str, Any] | None:
    """Return an op's config as the run stores it: environment variables are not resolved."""
    found: Mapping[str, Any] = run.run_config
    for name in ("ops", *step.replace(".", "/ops/").split("/"), "config"):
        found = found.get(name) or {}
    return dict(found) or None


def code_folder(context: StepContext) -> Path:
    """Return the folder of the code that a step runs: the op's own, not Pedigree's."""
    compute = getattr(context.op_def.compute_fn, "decorated_fn", None)
    return folder_of(compute) if compute else Path.cwd()


def folder_of(function: Callable[..., object]) -> Path:
    """Return the folder of a function's file; the working folder for a notebook's function."""
    file = inspect.getsourcefile(inspect.unwrap(function))
    return Path(file).parent if file and Path(file).is_file() else Path.cwd()


def actor_of(tags: Mapping[str, str]) -> str | None:
    """Return who launched a run according to its tags; an unverified claim.

    Raises:
        ReservedNameError: They claim a name that Pedigree reserves.
    """
    return next(
        (
            claimed(tags[tag], f"run tag {tag}")
            for tag in (metadata_keys.ACTOR, "user")
            if tags.get(tag)
        ),
        None,
    )


def instance_id(instance: dg.DagsterInstance) -> str | None:
    """Return the id of a Dagster instance's storage."""
    # Every SQL storage has one; other storages need not.
    get_id = getattr(instance.run_storage, "get_run_storage_id", None)
    return str(get_id()) if get_id else None


def current_context() -> StepContext:
    """Return the context of the running op or asset.

    Raises:
        InvalidInputError: No op or asset is running.
    """
    try:
        return dg.OpExecutionContext.get()
    except (dg.DagsterError, RuntimeError) as error:
        raise _no_run() from error


def _no_run() -> InvalidInputError:
    return InvalidInputError(
        "there is no Dagster run to record as provenance: the function was called directly",
        field="context",
        remedy="Materialize the asset (dg.materialize([...])) or execute the job with the op",
    )
