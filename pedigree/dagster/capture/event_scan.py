"""Scan the new events of many assets, some of the assets in each tick."""

from collections.abc import Collection, Sequence
from typing import NamedTuple, Self

import dagster as dg
from pydantic import Field

from pedigree._record import Record
from pedigree.dagster.capture import event_log
from pedigree.dagster.capture.event_log import AssetEvent

# Limits of one tick: assets, which one query reads, and events per asset.
_ASSETS = 500
_EVENTS_PER_ASSET = 200


class ScanPosition(Record):
    """The position of a scan over the events of assets."""

    seen: dict[str, int] = Field(
        default_factory=dict, description="Asset → storage id of the last materialization seen"
    )
    observed: dict[str, int] = Field(
        default_factory=dict, description="Asset → storage id of the last observation seen"
    )
    turn: int = Field(default=0, description="Index of the next asset to scan")


class ScanTurn(NamedTuple):
    """The assets of one tick, and the index of the first one of the next tick."""

    keys: Sequence[dg.AssetKey]
    next: int

    @classmethod
    def among(cls, keys: Collection[dg.AssetKey], position: ScanPosition) -> Self:
        """Return the assets whose turn it is."""
        start = position.turn if position.turn < len(keys) else 0
        return cls(sorted(keys)[start : start + _ASSETS], start + _ASSETS)


def new_events(
    instance: dg.DagsterInstance, keys: Sequence[dg.AssetKey], position: ScanPosition
) -> tuple[list[AssetEvent], ScanPosition]:
    """Return new events by asset, oldest first, and the position after them.

    Args:
        instance: The Dagster instance.
        keys: The assets.
        position: The position of the last scan.
    """
    found: list[AssetEvent] = []
    seen, observed = dict(position.seen), dict(position.observed)
    for record in instance.get_asset_records(keys) if keys else ():
        entry = record.asset_entry
        asset = entry.asset_key.to_user_string()
        for last, newest in (
            (seen, entry.last_materialization_storage_id),
            (observed, entry.last_observation_storage_id),
        ):
            if newest is not None and newest != last.get(asset):
                of_kind = _since(
                    instance, entry.asset_key, last.get(asset, 0), newest, last is observed
                )
                last[asset] = newest if len(of_kind) < _EVENTS_PER_ASSET else of_kind[-1].storage_id
                found += of_kind
    return found, ScanPosition(seen=seen, observed=observed, turn=position.turn)


def _since(
    instance: dg.DagsterInstance, key: dg.AssetKey, seen: int, newest: int, observed: bool
) -> list[AssetEvent]:
    # Of two concurrent events the one with the higher id may become visible first, so read from
    # before the newest one as well.
    records_filter = dg.AssetRecordsFilter(key, after_storage_id=min(seen, newest - 1))
    return list(
        event_log.oldest_first(instance, records_filter, _EVENTS_PER_ASSET, observed=observed)
    )
