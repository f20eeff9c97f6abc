"""Which assets runs make with a version: recorded on load, and completed with the output later.

The IO manager and a bound registry record a usage when they load a version. The usage by an asset
that only depends on a stage follows from the pointers of its materializations.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

import dagster as dg

from pedigree.dagster.capture import event_log
from pedigree.dagster.capture.event_log import AssetEvent
from pedigree.dagster.capture.run_provenance import instance_id, makes_partitions
from pedigree.failures.member_loop import MemberLoop
from pedigree.lineage.usages import NewUsage, Usage, Written
from pedigree.registry import Registry

_PAGE = 200
# Allowed clock skew: the database's clock dates a load, and Dagster's clock an output.
_CLOCKS_DIFFER_S = 300.0


def step_usages(upstream: dg.AssetKey | None) -> tuple[NewUsage, ...]:
    """Return the usages of a version that the running step loads; empty if it makes no asset.

    Args:
        upstream: Only for assets that depend on this one; for all of the step's when None.
    """
    try:
        context = dg.AssetExecutionContext.get()
        assets, selected = context.assets_def, context.selected_asset_keys
    except (dg.DagsterError, RuntimeError):
        return ()  # a notebook, an op, or a check
    partitions: tuple[str | None, ...] = (None,)
    if makes_partitions(context):
        partitions = tuple(context.partition_keys)
    return tuple(
        NewUsage(
            asset=key.to_user_string(),
            partitions=partitions,
            run_id=context.run.run_id,
            instance_id=instance_id(context.instance),
        )
        for key in sorted(selected)
        if upstream is None or upstream in _upstream_in_step(assets, key)
    )


def _upstream_in_step(assets: dg.AssetsDefinition, key: dg.AssetKey) -> set[dg.AssetKey]:
    """Return what an asset depends on, directly or through other assets of its step."""
    found: set[dg.AssetKey] = set()
    left = [key]
    while left:
        deps = assets.asset_deps[left.pop()] - found
        found |= deps
        left += deps & assets.keys
    return found


def settle_usages(instance: dg.DagsterInstance, registry: Registry, loop: MemberLoop) -> int:
    """Find the outputs of the runs of this instance that loaded versions.

    Args:
        instance: The Dagster instance.
        registry: The registry.
        loop: The loop over the assets; one that fails stops no other.

    Returns:
        How many usages were settled: the output is known, or the run wrote nothing.
    """

    def settle(assets: Sequence[tuple[str, list[Usage]]]) -> int:
        settled = [usage for usage in _looked_up(instance, assets) if usage.settled]
        if settled:
            registry.operations.usages.settle_usages(settled)
        return len(settled)

    count, after = 0, 0
    while page := registry.operations.usages.unsettled_usages(
        instance_id(instance), limit=_PAGE, after=after
    ):
        after = page[-1].usage_id
        by_asset = _by_asset(page)
        count += sum(loop.attempt_batch(by_asset.items(), settle, name=_member))
    return count


def _by_asset(page: Iterable[Usage]) -> dict[str, list[Usage]]:
    found: defaultdict[str, list[Usage]] = defaultdict(list)
    for usage in page:
        found[usage.asset].append(usage)
    return found


def _member(usages: tuple[str, list[Usage]]) -> str:
    return f"usages by {usages[0]}"


def _looked_up(
    instance: dg.DagsterInstance, assets: Iterable[tuple[str, list[Usage]]]
) -> Iterator[Usage]:
    ended: dict[str, bool] = {}
    for asset, usages in assets:
        # First check whether a run has ended; otherwise it could write and end in between.
        for run_id in {usage.run_id for usage in usages}:
            ended.setdefault(run_id, _has_ended(instance, run_id))
        written = _written(instance, dg.AssetKey.from_user_string(asset), usages)
        for usage in usages:
            event = written.get((usage.partition, usage.run_id))
            if event is not None:
                yield usage.model_copy(
                    update={**written_event(event).model_dump(), "settled": True}
                )
            elif ended[usage.run_id]:
                yield usage.model_copy(update={"settled": True})


def _has_ended(instance: dg.DagsterInstance, run_id: str) -> bool:
    run = instance.get_run_by_id(run_id)
    return run is None or run.is_finished


def _written(
    instance: dg.DagsterInstance, key: dg.AssetKey, usages: Collection[Usage]
) -> dict[tuple[str | None, str], AssetEvent]:
    first = min(usage.used_at for usage in usages).timestamp() - _CLOCKS_DIFFER_S
    partitions = [usage.partition for usage in usages if usage.partition is not None]
    records_filter = dg.AssetRecordsFilter(
        key,
        asset_partitions=sorted(set(partitions)) if len(partitions) == len(usages) else None,
        after_timestamp=first,
    )
    found = event_log.oldest_first(instance, records_filter)
    return {(event.partition, event.run_id or ""): event for event in found}


def written_event(event: AssetEvent) -> Written:
    """Return what the registry stores about a materialization."""
    return Written(
        storage_id=event.storage_id,
        data_version=event.data_version,
        code_version=event.code_version,
        written_at=event.at,
    )
