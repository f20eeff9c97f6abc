"""Which partitions have the data versions whose hash Dagster recorded for a partitioned input.

The hash is Dagster's: sha256 over the data versions of the mapped partitions, in the order of their
names, as ``dagster._core.execution.context.data_version_cache`` computes it. Partitions without a
materialization are left out.
"""

from collections.abc import Mapping
from hashlib import sha256

from pedigree.dagster import metadata_keys
from pedigree.dagster.capture.event_history import AssetHistory
from pedigree.dagster.capture.event_log import AssetEvent

# Runs of neighboring partitions are tried as sets up to this count; it grows with the square.
_MOST_WINDOWED = 300


def is_distinct(before: Mapping[str, AssetEvent], history: AssetHistory) -> bool:
    """Whether a data version tells one event from every other, also from a deleted one.

    Equal versions are common: content that is the same, or a root asset with a fixed code version.
    A version that holds the run's id, as Dagster's default does, cannot be equal by chance.
    """
    versions = {event.data_version for event in before.values()}
    if None in versions or len(versions) < len(before):
        return False
    return len(before) > 1 or all(_of_run_alone(event, history) for event in before.values())


def _of_run_alone(event: AssetEvent, history: AssetHistory) -> bool:
    given = metadata_keys.DATA_VERSION_GIVEN in event.tags
    by_run = event.run_id is not None and event.tags.get(metadata_keys.CODE_VERSION) == event.run_id
    of_run = [each for each in history.events if each.run_id == event.run_id]
    return by_run and not given and len(of_run) == 1


def fitting_set(
    before: Mapping[str, AssetEvent], mapped: tuple[str, ...] | None, version: str | None
) -> tuple[str, ...] | None:
    """Return the set of partitions whose data versions give the hash that Dagster recorded."""
    names = sorted(before)
    sets: list[tuple[str, ...]] = [] if mapped is None else [mapped]
    sets += [tuple(names), *((name,) for name in names)]
    for each in sets:
        if is_version_of(before, each, version):
            return each
    return _fitting_window(names, before, version)


def _fitting_window(
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


def is_version_of(
    before: Mapping[str, AssetEvent], partitions: tuple[str, ...], version: str | None
) -> bool:
    """Whether Dagster's hash over some partitions is a version; those without event count not."""
    there = sorted(name for name in partitions if name in before)
    versions = "".join(before[name].data_version or "" for name in there)
    return bool(there) and sha256(versions.encode()).hexdigest() == version
