"""The current state of a training's inputs on an instance, and how often they have changed."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

import dagster as dg

from pedigree.dagster.capture import event_log
from pedigree.dagster.capture.event_log import AssetEvent
from pedigree.lineage.records import LineageNode, NodeKind
from pedigree.lineage.staleness import AssetPartition, InputNow

# Changes of one asset are counted only within this many events.
_MOST_EVENTS = 10_000


def current_inputs(
    instance: dg.DagsterInstance, inputs: Sequence[LineageNode]
) -> dict[AssetPartition, InputNow]:
    """Compare the inputs of a training with their newest events; two or three queries per asset."""
    return current_inputs_of_all(instance, [inputs])[0]


def current_inputs_of_all(
    instance: dg.DagsterInstance, trainings: Sequence[Sequence[LineageNode]]
) -> list[dict[AssetPartition, InputNow]]:
    """Compare the inputs of several trainings with the newest events, read once per asset."""
    newest = {
        asset: _newest(instance, dg.AssetKey.from_user_string(asset), nodes)
        for asset, nodes in _by_asset(chain.from_iterable(trainings)).items()
    }
    return [_compared(instance, inputs, newest) for inputs in trainings]


def _by_asset(nodes: Iterable[LineageNode]) -> Mapping[str, list[LineageNode]]:
    found: defaultdict[str, list[LineageNode]] = defaultdict(list)
    for node in nodes:
        found[node.asset].append(node)
    return found


def _compared(
    instance: dg.DagsterInstance,
    inputs: Sequence[LineageNode],
    newest: Mapping[str, Mapping[str | None, AssetEvent]],
) -> dict[AssetPartition, InputNow]:
    found: dict[AssetPartition, InputNow] = {}
    for asset, nodes in _by_asset(inputs).items():
        events = newest[asset]
        later = _later(instance, dg.AssetKey.from_user_string(asset), nodes, events)
        for node in nodes:
            now = _now(node, events.get(node.partition), later[node.partition])
            found[asset, node.partition] = now
    return found


def _newest(
    instance: dg.DagsterInstance, key: dg.AssetKey, nodes: Sequence[LineageNode]
) -> dict[str | None, AssetEvent]:
    partitions = [node.partition for node in nodes if node.partition is not None]
    found = event_log.latest(instance, key, partitions) if partitions else {}
    whole = None in {node.partition for node in nodes}
    for event in event_log.latest(instance, key, None).values() if whole else ():
        found[None] = event
    return found


def _later(
    instance: dg.DagsterInstance,
    key: dg.AssetKey,
    nodes: Iterable[LineageNode],
    newest: Mapping[str | None, AssetEvent],
) -> Mapping[str | None, list[AssetEvent]]:
    """Return the events of each partition since the training read it, oldest first."""
    moved = {
        node.partition: node.storage_id or 0
        for node in nodes
        if (event := newest.get(node.partition)) and event.storage_id != node.storage_id
    }
    later: defaultdict[str | None, list[AssetEvent]] = defaultdict(list)
    if not moved:
        return later
    whole = None in moved
    records_filter = dg.AssetRecordsFilter(
        key,
        asset_partitions=None if whole else sorted(name for name in moved if name is not None),
        after_storage_id=min(moved.values()),
    )
    observed = next(iter(newest.values())).kind is NodeKind.OBSERVATION
    for event in event_log.oldest_first(instance, records_filter, _MOST_EVENTS, observed=observed):
        for partition in {event.partition, None}:
            if event.storage_id > moved.get(partition, event.storage_id):
                later[partition].append(event)
    return later


def _now(node: LineageNode, event: AssetEvent | None, later: Sequence[AssetEvent]) -> InputNow:
    if event is None:
        return InputNow(data_version=None, data_behind=0, code_behind=0)
    data = _changes(node.data_version, [change.data_version for change in later])
    if event.data_version != node.data_version:
        data = max(data, 1)  # the events in between may have been wiped
    code = _changes(node.code_version, [change.code_version for change in later])
    return InputNow(data_version=event.data_version, data_behind=data, code_behind=code)


def _changes(then: str | None, later: Iterable[str | None]) -> int:
    """Count the changes of a version; 0 if the last version equals the first one.

    >>> _changes("a", ["a", "b", "b", "c"]), _changes("a", ["b", "a"])
    (2, 0)
    """
    count, last = 0, then
    for version in later:
        if version is not None and version != last:
            count, last = count + (last is not None), version
    return 0 if last == then else count
