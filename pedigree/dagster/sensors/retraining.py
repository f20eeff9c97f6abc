"""Train again as a version was trained, by a person's wish or because production is behind.

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
from pedigree.errors import NotRetrainableError
from pedigree.lineage.staleness import Staleness
from pedigree.registry import Registry


def retrain_like(
    registry: Registry, reference: str, *, run_key: str | None = None
) -> dg.RunRequest:
    """Return the request for a run that trains as a version was trained: asset, partition, config.

    A body that chooses its partitions by its config reads the same ones again, as they are now.

    Raises:
        NotRetrainableError: The version was trained by no asset.
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
    models: Iterable[ModelLike],
    *,
    stage: str = "production",
    data_behind: int = 1,
    code_behind: int | None = None,
) -> dg.SensorResult:
    """Request a training for each holder of a stage that is so far behind, once for each state.

    How far it is behind is what the lineage sensor saw last. The sensor needs the model assets in
    its ``asset_selection``.

    Args:
        context: The tick's context.
        registry: The registry.
        models: The models to look after.
        stage: Whose holders.
        data_behind: So many data versions, over all inputs and partitions.
        code_behind: Or so many code versions; None: code does not count.
    """
    targets = targets_of(context, models)
    requests, notes = [], []
    names = targets.all(context.instance) if targets else ()
    found = registry.operations.staleness.stale_holders(
        names, stage, data_behind=data_behind, code_behind=code_behind
    )
    for reference, staleness in found:
        try:
            run_key = f"{reference}:{_state(staleness)}"
            requests.append(retrain_like(registry, reference, run_key=run_key))
        except NotRetrainableError as error:
            notes.append(str(error))
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None
        if requests
        else dg.SkipReason("; ".join(notes) or "none is so far behind"),
    )


def _state(staleness: Staleness) -> str:
    """Return a key of what is there now: a run key is good once, and a newer state is another."""
    said = staleness.model_dump_json(include={"inputs", "newer_code"})
    return hashlib.sha256(said.encode()).hexdigest()[:16]
