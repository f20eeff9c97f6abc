"""Find the partitions whose data versions give the hash that Dagster recorded for an input.

Dagster computes the hash in ``dagster._core.execution.context.data_version_cache``: sha256 over the
data versions of the mapped partitions, in the order of their names, without those that have no
materialization.
"""

from collections.abc import Mapping
from hashlib import sha256

from pedigree.dagster import metadata_keys
from pedigree.dagster.capture.event_history import AssetHistory
from pedigree.dagster.capture.event_log import AssetEvent

# Ranges of adjacent partitions are tried only up to this many partitions: the cost is quadratic.
_MOST_WINDOWED = 300


def has_unique_versions(before: Mapping[str, AssetEvent], history: AssetHistory) -> bool:
    """Return whether a data version identifies one event, even among deleted ones.

    Equal versions are common: equal content, or a root asset with a fixed code version. A version
    that contains the run's id, as Dagster's default does, cannot be equal by chance.
    """
    versions = {event.data_version for event in before.values()}
    if None in versions or len(versions) < len(before):
        return False
    return len(before) > 1 or all(_is_unique_to_run(event, history) for event in before.values())


def _is_unique_to_run(event: AssetEvent, history: AssetHistory) -> bool:
    given = metadata_keys.DATA_VERSION_GIVEN in event.tags
    by_run = event.run_id is not None and event.tags.get(metadata_keys.CODE_VERSION) == event.run_id
    of_run = [other for other in history.events if other.run_id == event.run_id]
    return by_run and not given and len(of_run) == 1


def matching_partitions(
    before: Mapping[str, AssetEvent], mapped: tuple[str, ...] | None, version: str | None
) -> tuple[str, ...] | None:
    """Return the set of partitions whose data versions give Dagster's hash."""
    names = sorted(before)
    sets: list[tuple[str, ...]] = [] if mapped is None else [mapped]
    sets += [tuple(names), *((name,) for name in names)]
    for partitions in sets:
        if matches_version(before, partitions, version):
            return partitions
    return _matching_window(names, before, version)


def _matching_window(
    names: list[str], before: Mapping[str, AssetEvent], version: str | None
) -> tuple[str, ...] | None:
    if len(names) > _MOST_WINDOWED:
        return None
    for start in range(len(names)):
        digest = sha256()
        for end in range(start, len(names)):
            digest.update((before[names[end]].data_version or "").encode())
            if digest.hexdigest() == version:
                return tuple(names[start : end + 1])
    return None


def matches_version(
    before: Mapping[str, AssetEvent], partitions: tuple[str, ...], version: str | None
) -> bool:
    """Return whether Dagster's hash over the partitions that have an event equals a version."""
    existing = sorted(name for name in partitions if name in before)
    versions = "".join(before[name].data_version or "" for name in existing)
    return bool(existing) and sha256(versions.encode()).hexdigest() == version
