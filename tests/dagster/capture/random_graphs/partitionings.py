"""Partitionings of assets, and mappings between them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import dagster as dg
from dagster._core.definitions.partitions.context import partition_loading_context
from dagster._core.definitions.partitions.utils import infer_partition_mapping

LETTERS = dg.StaticPartitionsDefinition(["a", "b", "c"])
REGIONS = dg.StaticPartitionsDefinition(["x", "y"])
# Five days in two months and two weeks.
DAYS = dg.DailyPartitionsDefinition("2024-01-31", end_date="2024-02-05")
WEEKS = dg.WeeklyPartitionsDefinition("2024-01-28", end_date="2024-02-11")
MONTHS = dg.MonthlyPartitionsDefinition("2024-01-01", end_date="2024-03-01")


class Partitioning(StrEnum):
    """How an asset is partitioned."""

    NONE = "none"
    LETTERS = "letters"
    REGIONS = "regions"
    DAYS = "days"
    WEEKS = "weeks"
    MONTHS = "months"
    REGION_DAYS = "region_days"
    REGION_LETTERS = "region_letters"
    DYNAMIC = "dynamic"

    @property
    def is_time(self) -> bool:
        return self in {Partitioning.DAYS, Partitioning.WEEKS, Partitioning.MONTHS}

    @property
    def is_static(self) -> bool:
        return self in {Partitioning.LETTERS, Partitioning.REGIONS}

    @property
    def dimensions(self) -> dict[str, "Partitioning"]:
        if self is Partitioning.REGION_DAYS:
            return {"region": Partitioning.REGIONS, "day": Partitioning.DAYS}
        if self is Partitioning.REGION_LETTERS:
            return {"region": Partitioning.REGIONS, "letter": Partitioning.LETTERS}
        return {}

    @property
    def takes_ranges(self) -> bool:
        """Whether one run may make several partitions."""
        return self.is_time or self.is_static


_FIXED: dict[Partitioning, dg.PartitionsDefinition[Any] | None] = {
    Partitioning.NONE: None,
    Partitioning.LETTERS: LETTERS,
    Partitioning.REGIONS: REGIONS,
    Partitioning.DAYS: DAYS,
    Partitioning.WEEKS: WEEKS,
    Partitioning.MONTHS: MONTHS,
    Partitioning.REGION_DAYS: dg.MultiPartitionsDefinition({"region": REGIONS, "day": DAYS}),
    Partitioning.REGION_LETTERS: dg.MultiPartitionsDefinition(
        {"region": REGIONS, "letter": LETTERS}
    ),
}


def definition_of(partitioning: Partitioning, name: str) -> dg.PartitionsDefinition[Any] | None:
    """Return Dagster's definition; a dynamic one has the name of the case."""
    if partitioning is Partitioning.DYNAMIC:
        return dg.DynamicPartitionsDefinition(name=f"{name}_keys")
    return _FIXED[partitioning]


def keys_of(partitioning: Partitioning, name: str, instance: dg.DagsterInstance) -> list[str]:
    """Return the current keys of the partitioning."""
    definition = definition_of(partitioning, name)
    if definition is None:
        return []
    return list(definition.get_partition_keys(dynamic_partitions_store=instance))


@dataclass(frozen=True)
class MappingPlan:
    """A partition mapping as plain data."""

    kind: str
    of: tuple[Any, ...] = ()

    def build(self) -> dg.PartitionMapping | None:
        """Return Dagster's mapping; None for Dagster's default."""
        if self.kind == "default":
            return None
        return _BUILT[self.kind](*self.of)

    def __str__(self) -> str:
        return f"{self.kind}({', '.join(map(str, self.of))})" if self.of else self.kind


def _multi(*dimensions: tuple[str, MappingPlan]) -> dg.PartitionMapping:
    built = {
        name: dg.DimensionPartitionMapping(name, mapping.build() or dg.IdentityPartitionMapping())
        for name, mapping in dimensions
    }
    return dg.MultiPartitionMapping(built)


def _key(text: str) -> str:
    """Return a multi-partition key: Dagster's IO manager finds no file by a joined text."""
    if "|" not in text:
        return text
    first, region = text.split("|")
    return dg.MultiPartitionKey({"day" if "-" in first else "letter": first, "region": region})


_BUILT: dict[str, Callable[..., dg.PartitionMapping]] = {
    "identity": dg.IdentityPartitionMapping,
    "all": dg.AllPartitionMapping,
    "last": dg.LastPartitionMapping,
    "specific": lambda *keys: dg.SpecificPartitionsPartitionMapping(list(map(_key, keys))),
    "window": lambda start, end: dg.TimeWindowPartitionMapping(start, end, True),
    "static": lambda *pairs: dg.StaticPartitionMapping({up: set(down) for up, down in pairs}),
    "multi_to_single": dg.MultiToSingleDimensionPartitionMapping,
    "multi": _multi,
}
KINDS = frozenset({"default", *_BUILT})
DEFAULT = MappingPlan("default")
SELF = MappingPlan("window", (-1, -1))


def mappings(up: Partitioning, down: Partitioning, keys: Sequence[str]) -> list[MappingPlan]:
    """Return the valid mappings; simple ones are a small part of them.

    Args:
        up: The partitioning of the input.
        down: The partitioning of the output.
        keys: Some keys of ``up``, for the mapping with explicit keys.
    """
    if up is Partitioning.NONE:
        return [DEFAULT]
    found = [MappingPlan("all"), MappingPlan("last")]
    if up is not Partitioning.DYNAMIC and keys:
        found.append(MappingPlan("specific", tuple(keys)))
    if down is Partitioning.NONE:
        return [DEFAULT, DEFAULT, *found]
    if up is down:
        found += [DEFAULT, DEFAULT, MappingPlan("identity"), MappingPlan("identity")]
    return found + _special(up, down) * 2


def related(partitioning: Partitioning) -> list[Partitioning]:
    """Return the partitionings with a special mapping to this one, including itself."""
    return [
        other for other in Partitioning if other is partitioning or _special(partitioning, other)
    ]


def _special(up: Partitioning, down: Partitioning) -> list[MappingPlan]:
    if up.is_time and down.is_time:
        offsets = [(-1, -1), (-1, 0), (0, 0), (-2, -1)] if up is down else [(0, 0), (-1, 0)]
        return [MappingPlan("window", offset) for offset in offsets]
    if up.is_static and down.is_static:
        return [_STATIC[up, down]]
    if up in down.dimensions.values() or down in up.dimensions.values():
        several, single = (down, up) if up in down.dimensions.values() else (up, down)
        (dimension,) = (
            name for name, partitioning in several.dimensions.items() if partitioning is single
        )
        return [MappingPlan("multi_to_single", (dimension,))]
    if up.dimensions and down.dimensions:
        shared = [(name, each) for name, each in up.dimensions.items() if name in down.dimensions]
        return [MappingPlan("multi", tuple((name, _inner(each)) for name, each in shared))]
    return []


def _inner(partitioning: Partitioning) -> MappingPlan:
    return MappingPlan("window", (-1, 0)) if partitioning.is_time else MappingPlan("identity")


_STATIC = {
    (Partitioning.LETTERS, Partitioning.REGIONS): (("a", ("x",)), ("b", ("x", "y")), ("c", ("y",))),
    (Partitioning.REGIONS, Partitioning.LETTERS): (("x", ("a", "b")), ("y", ("c",))),
    (Partitioning.LETTERS, Partitioning.LETTERS): (("a", ("b",)), ("b", ("c",)), ("c", ("a",))),
    (Partitioning.REGIONS, Partitioning.REGIONS): (("x", ("y",)), ("y", ("x",))),
}
_STATIC = {place: MappingPlan("static", of) for place, of in _STATIC.items()}


def mapped(
    mapping: MappingPlan,
    up: Partitioning,
    down: Partitioning,
    keys: Sequence[str | None],
    name: str,
    instance: dg.DagsterInstance,
) -> list[str | None]:
    """Return the upstream partitions of some partitions, as Dagster maps them."""
    upstream, downstream = definition_of(up, name), definition_of(down, name)
    if upstream is None:
        return [None]
    built = infer_partition_mapping(mapping.build(), downstream, upstream)
    with partition_loading_context(datetime.now(UTC), instance):
        wanted = None
        if downstream is not None:
            wanted = downstream.subset_with_partition_keys([key for key in keys if key])
        result = built.get_upstream_mapped_partitions_result_for_partitions(
            wanted, downstream, upstream
        )
        return sorted(result.partitions_subset.get_partition_keys())
