"""The record of what a step read, in the metadata of its own materializations.

Which events a step reads is known only at that moment: Dagster stores neither the partition mapping
nor the partitions. So the step's materializations record the reads under one metadata key.
"""

import base64
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import dagster as dg

from pedigree.untrusted.documents import parsed_json
from pedigree.untrusted.expansion import ExpansionError, inflated

Kind: TypeAlias = Literal["loaded", "stated"]
Partitions: TypeAlias = dict[str | None, tuple[int, ...]]
"""Partition → the storage ids of the events that may have been read; 0 where it had none."""

NO_EVENT = 0

# Larger records are compressed, so 10,000 partitions stay far below an event's limit of 1 MB.
_COMPRESSED_FROM_BYTES = 65_536


@dataclass
class Reads:
    """What a step read of each asset.

    Attributes:
        loaded: What an IO manager loaded; the events were looked up before and after.
        stated: What the body declared with ``record_read``.
        complete: Whether the step read nothing else, whatever its definition depends on.
    """

    loaded: dict[dg.AssetKey, Partitions] = field(default_factory=dict)
    stated: dict[dg.AssetKey, Partitions] = field(default_factory=dict)
    complete: bool = False

    def __bool__(self) -> bool:
        """Whether anything was read."""
        return bool(self.loaded or self.stated)

    def of(self, key: dg.AssetKey) -> Partitions | None:
        """Return what was read of an asset; None if nothing is recorded."""
        if key not in self.loaded and key not in self.stated:
            return None
        return merged(self.loaded.get(key, {}), self.stated.get(key, {}))

    @property
    def keys(self) -> frozenset[dg.AssetKey]:
        """The assets with recorded reads."""
        return frozenset(self.loaded) | frozenset(self.stated)

    def add(self, kind: Kind, key: dg.AssetKey, partitions: Partitions) -> None:
        """Add what was read of an asset; ``kind`` is ``loaded`` or ``stated``."""
        found: dict[dg.AssetKey, Partitions] = getattr(self, kind)
        found[key] = merged(found.get(key, {}), partitions)

    def update(self, other: "Reads") -> None:
        """Add what another step of the same graph-backed asset read."""
        for key, partitions in other.loaded.items():
            self.add("loaded", key, partitions)
        for key, partitions in other.stated.items():
            self.add("stated", key, partitions)
        self.complete |= other.complete


def to_json(reads: Reads | str) -> dict[str, Any]:
    """Return a record as JSON."""
    if isinstance(reads, str):
        return {"see": reads}
    found = {
        kind: {
            key.to_user_string(): {
                "" if partition is None else partition: list(ids)
                for partition, ids in partitions.items()
            }
            for key, partitions in of_kind.items()
        }
        for kind, of_kind in (("loaded", reads.loaded), ("stated", reads.stated))
        if of_kind
    }
    return {**found, "complete": True} if reads.complete else found


def from_json(record: Mapping[str, Any]) -> Reads | str:
    """Parse a record: the reads, or the partition whose event of the same run has them."""
    if "see" in record:
        return str(record["see"])
    found = {
        kind: {
            dg.AssetKey.from_user_string(key): {
                partition or None: tuple(map(int, ids)) for partition, ids in partitions.items()
            }
            for key, partitions in record.get(kind, {}).items()
        }
        for kind in ("loaded", "stated")
    }
    return Reads(**found, complete=bool(record.get("complete")))


def decoded(value: Any) -> Reads | str | None:
    """Decode the metadata value of a materialization or an output.

    Returns:
        The reads; or the partition whose materialization of the same run has them; None if there
        is no record, or one that this code cannot read: a later version or somebody else wrote it.
    """
    record = value.value if isinstance(value, dg.JsonMetadataValue) else None
    if not isinstance(record, Mapping):
        return None
    try:
        if "zlib" in record:
            record = parsed_json(inflated(base64.b64decode(record["zlib"])))
        return from_json(record)
    except (ExpansionError, zlib.error, ValueError, TypeError, AttributeError):
        return None


def encoded(reads: Reads) -> dg.JsonMetadataValue:
    """Return the metadata value for a materialization or an output."""
    record = to_json(reads)
    text = json.dumps(record, separators=(",", ":")).encode()
    if len(text) >= _COMPRESSED_FROM_BYTES:
        return dg.MetadataValue.json({"zlib": base64.b64encode(zlib.compress(text)).decode()})
    return dg.MetadataValue.json(record)


def merged(one: Partitions, other: Partitions) -> Partitions:
    """Return the union of the events that may have been read, by partition."""
    return {
        partition: tuple(sorted({*one.get(partition, ()), *other.get(partition, ())}))
        for partition in dict.fromkeys((*one, *other))
    }


def combined(records: Iterable[Reads]) -> Reads:
    """Return the union of the reads of several steps of one graph-backed asset."""
    found = Reads()
    for reads in records:
        found.update(reads)
    return found
