"""Retrain a version with the same asset, partition and config, on request or when it is stale.

::

    @dg.sensor(asset_selection=[customer_churn], minimum_interval_seconds=300)
    def retraining(context: dg.SensorEvaluationContext, registry: RegistryResource):
        return retrain_stale(context, registry.connect(), [customer_churn], data_behind=2)
"""

import hashlib
from collections.abc import Iterable

import dagster as dg

from pedigree.dagster import metadata_keys
from pedigree.dagster.assets.model_spec import ModelLike
from pedigree.dagster.sensors.targets import targets_of
from pedigree.dagster.sensors.tick_loops import require_runnable, skip_reason, tick_loop
from pedigree.errors import NotRetrainableError
from pedigree.failures.records import BackgroundWork
from pedigree.lineage.staleness import Staleness
from pedigree.registry import Registry


def retrain_like(
    registry: Registry, reference: str, *, run_key: str | None = None
) -> dg.RunRequest:
    """Return the request for a run with the asset, partition and config that trained a version.

    A body that selects its partitions by its config reads the current data of the same ones.

    Raises:
        NotRetrainableError: No asset trained the version.
    """
    like = registry.retrain_like(reference)
    ops = {like.step_key: {"config": like.config}} if like.step_key and like.config else {}
    return dg.RunRequest(
        run_key=run_key,
        asset_selection=[dg.AssetKey.from_user_string(like.asset)],
        partition_key=like.partition,
        run_config={"ops": ops} if ops else {},
        tags={metadata_keys.RETRAINED_LIKE: like.run_id},
    )


def retrain_stale(
    context: dg.SensorEvaluationContext,
    registry: Registry,
    models: Iterable[ModelLike] | None = None,
    *,
    stage: str = "production",
    data_behind: int = 1,
    code_behind: int | None = None,
) -> dg.SensorResult:
    """Request a training for each stale version in a stage, once for each state of its inputs.

    The staleness is what the lineage sensor recorded last. The sensor needs the model assets in
    its ``asset_selection``.

    Args:
        context: The tick's context.
        registry: The registry.
        models: The models; all of this repository when None.
        stage: The stage.
        data_behind: Minimum number of newer data versions, over all inputs and partitions.
        code_behind: Or minimum number of newer code versions; None ignores code.
    """
    targets = targets_of(context, models)
    requests, notes = [], []
    names = targets.all(context.instance) if targets else ()
    found = registry.operations.staleness.stale_holders(
        names, stage, data_behind=data_behind, code_behind=code_behind
    )
    loop = tick_loop(context.instance, registry, BackgroundWork.RETRAINING)
    for reference, staleness in found:

        def request(reference: str = reference, staleness: Staleness = staleness) -> None:
            try:
                run_key = f"{reference}:{_state(staleness)}"
                wanted = retrain_like(registry, reference, run_key=run_key)
                require_runnable(context, wanted, reference)
            except NotRetrainableError as error:
                notes.append(str(error))
            else:
                requests.append(wanted)

        loop.attempt(reference, request, model=reference.rpartition("/")[0])
    nothing = "; ".join(notes) or f"no version in {stage} is stale"
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else skip_reason(loop.notes, nothing),
    )


def _state(staleness: Staleness) -> str:
    """Return a hash of the current state of the inputs: a run key can be used only once."""
    text = staleness.model_dump_json(include={"inputs", "newer_code"})
    return hashlib.sha256(text.encode()).hexdigest()[:16]
