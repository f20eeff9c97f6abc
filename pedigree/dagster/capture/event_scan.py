"""Go through what many assets recorded since the last look, some of them in each tick."""

from collections.abc import Sequence

import dagster as dg
from pydantic import Field

from pedigree._record import Record
from pedigree.dagster.capture import event_log
from pedigree.dagster.capture.event_log import AssetEvent

# So many assets are looked at in one tick, by one query, and so many events of each.
_ASSETS = 500
_AT_ONCE = 200


class ScanPosition(Record):
    """How far some assets were looked at."""

    seen: dict[str, int] = Field(
        default_factory=dict, description="Asset → storage id of the last event that was seen"
    )
    observed: dict[str, int] = Field(
        default_factory=dict, description="Asset → storage id of the last observation seen"
    )
    turn: int = Field(default=0, description="The asset whose turn it is, by its place among all")


def unseen(
    instance: dg.DagsterInstance, keys: Sequence[dg.AssetKey], place: ScanPosition
) -> tuple[list[AssetEvent], ScanPosition]:
    """Return events that were not seen yet, by asset and oldest first, and the place after them.

    Args:
        instance: The Dagster instance.
        keys: The assets, in an order that stays the same.
        place: How far the last look came.
    """
    start = place.turn if place.turn < len(keys) else 0
    page = keys[start : start + _ASSETS]
    found: list[AssetEvent] = []
    seen, observed = dict(place.seen), dict(place.observed)
    for record in instance.get_asset_records(page) if page else ():
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
                last[asset] = newest if len(of_kind) < _AT_ONCE else of_kind[-1].storage_id
                found += of_kind
    return found, ScanPosition(seen=seen, observed=observed, turn=start + _ASSETS)


def _since(
    instance: dg.DagsterInstance, key: dg.AssetKey, seen: int, newest: int, observed: bool
) -> list[AssetEvent]:
    # Of two that are written at once the later may be shown first, so both ends count.
    records_filter = dg.AssetRecordsFilter(key, after_storage_id=min(seen, newest - 1))
    return list(event_log.recorded(instance, records_filter, _AT_ONCE, observed=observed))
