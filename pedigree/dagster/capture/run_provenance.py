"""Who runs: the run, the step, the instance and the actor of a piece of Dagster code."""

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
    """Where in Dagster something happens."""

    run_id: str
    instance_id: str | None
    job_name: str | None = None
    step_key: str | None = None
    asset: str | None = None
    partition: str | None = None
    actor: str | None = None
    config: dict[str, Any] | None = None

    def origin(self) -> TrainingOrigin:
        """Return what the registry keeps of it beside the run's id."""
        return TrainingOrigin(
            instance_id=self.instance_id,
            job_name=self.job_name,
            step_key=self.step_key,
            asset=self.asset,
            partition=self.partition,
            config=self.config,
        )


def provenance_of(context: StepContext, asset: dg.AssetKey | None = None) -> RunProvenance:
    """Return where a step runs.

    Raises:
        InvalidInputError: The function was called directly, so there is no run.
        ReservedNameError: The run's tags claim a name of Pedigree's own.
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
    """Return the key of the step that runs, as the events of its run name it."""
    mapping_key = op_context_of(context).get_mapping_key()
    return f"{op_context_of(context).op_handle}" + (f"[{mapping_key}]" if mapping_key else "")


def op_context_of(context: StepContext) -> dg.OpExecutionContext:
    """Return the op's context, which every step has."""
    return (
        context.op_execution_context if isinstance(context, dg.AssetExecutionContext) else context
    )


def is_of_asset(context: StepContext) -> bool:
    """Say whether the step makes an asset, so that the asset graph knows its inputs."""
    return op_context_of(context).get_step_execution_context().assets_def is not None


def makes_partitions(context: StepContext) -> bool:
    """Say whether the step makes partitions; its run may have a key for others of its assets."""
    asset = op_context_of(context).get_step_execution_context().assets_def
    if asset is not None and asset.partitions_def is None:
        return False
    return context.has_partition_key or context.has_partition_key_range


def partition_of(context: dg.AssetCheckExecutionContext, asset: dg.AssetKey) -> str | None:
    """Return the partition of an asset that a check looks at; None where the asset has none."""
    step = context.op_execution_context.get_step_execution_context()
    partitioned = step.job_def.asset_layer.get(asset).partitions_def is not None
    return context.partition_key if partitioned and context.has_partition_key else None


def _partition_of(context: StepContext) -> str | None:
    only_one = context.has_partition_key and makes_partitions(context)
    return context.partition_key if only_one else None


def _config_of(run: dg.DagsterRun, step: str) -> dict[str, Any] | None:
    """Return an op's config as the run has it: what names a variable still only names it."""
    found: Mapping[str, Any] = run.run_config
    for name in ("ops", *step.replace(".", "/ops/").split("/"), "config"):
        found = found.get(name) or {}
    return dict(found) or None


def code_folder(context: StepContext) -> Path:
    """Return the folder of the code that a step runs: the op's own, wherever Pedigree lies."""
    compute = getattr(context.op_def.compute_fn, "decorated_fn", None)
    return folder_of(compute) if compute else Path.cwd()


def folder_of(function: Callable[..., object]) -> Path:
    """Return the folder of a function's file; the working folder for one typed into a notebook."""
    file = inspect.getsourcefile(inspect.unwrap(function))
    return Path(file).parent if file and Path(file).is_file() else Path.cwd()


def actor_of(tags: Mapping[str, str]) -> str | None:
    """Return who a run's tags say launched it; a claim, not a proof.

    Raises:
        ReservedNameError: They claim a name of Pedigree's own.
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
    """Return the id that a Dagster instance's storage gave itself."""
    # Every storage in SQL has one; an abstract one need not.
    known = getattr(instance.run_storage, "get_run_storage_id", None)
    return str(known()) if known else None


def current_context() -> StepContext:
    """Return the context of the op or asset that runs.

    Raises:
        InvalidInputError: None runs.
    """
    try:
        return dg.OpExecutionContext.get()
    except (dg.DagsterError, RuntimeError) as error:
        raise _no_run() from error


def _no_run() -> InvalidInputError:
    return InvalidInputError(
        "there is no Dagster run to record as provenance: the function was called directly",
        field="context",
        remedy="Materialize the asset (dg.materialize([...])) or execute the job that holds the op",
    )
