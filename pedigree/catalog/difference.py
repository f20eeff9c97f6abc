"""In what the lineage of one version differs from that of another."""

from collections import defaultdict
from collections.abc import Iterator

from pydantic import Field

from pedigree._record import Record
from pedigree.catalog.compare import CODE, Side, ValueChange, only, value_changes
from pedigree.lineage.records import LineageGraph
from pedigree.lineage.upstream import UpstreamState, upstream

_Place = tuple[str, str | None]


class UpstreamChange(Record):
    """An asset (partition), near or far, that both versions do not have in the same state.

    Where a version stands on several states of it, they are joined by commas; None: on none.
    """

    asset: str
    partition: str | None
    distance: int = Field(description="1: one of the trainings read it itself")
    in_a: bool
    in_b: bool
    data_a: str | None
    data_b: str | None
    code_a: str | None
    code_b: str | None


class LineageDifference(Record):
    """All in which the lineage of two versions differs; of trainings, the first of each counts."""

    a: str
    b: str
    data: tuple[UpstreamChange, ...]
    code: tuple[ValueChange, ...]
    packages: tuple[ValueChange, ...] = Field(description="Name and the version in each")
    raced_a: bool
    raced_b: bool

    @property
    def same(self) -> bool:
        """Both were made of the same data by the same code."""
        return not (self.data or self.code or self.packages)


def difference(a: Side, b: Side) -> LineageDifference:
    """Compare two versions' data to the sources, their code and their packages."""
    fields_a, fields_b = a.version.model_dump(mode="json"), b.version.model_dump(mode="json")
    return LineageDifference(
        a=a.version.reference,
        b=b.version.reference,
        data=tuple(_data(a.lineage, b.lineage)),
        code=tuple(value_changes(only(fields_a, CODE), only(fields_b, CODE))),
        packages=tuple(value_changes(a.packages, b.packages)),
        raced_a=a.lineage.raced,
        raced_b=b.lineage.raced,
    )


def _data(a: LineageGraph, b: LineageGraph) -> Iterator[UpstreamChange]:
    in_a, in_b = _by_place(a), _by_place(b)
    for place in sorted({*in_a, *in_b}, key=lambda one: (one[0], one[1] or "")):
        here, there = in_a.get(place, []), in_b.get(place, [])
        change = UpstreamChange(
            asset=place[0],
            partition=place[1],
            distance=min(state.distance for state in (*here, *there)),
            in_a=bool(here),
            in_b=bool(there),
            data_a=_versions(state.data_version for state in here),
            data_b=_versions(state.data_version for state in there),
            code_a=_versions(state.code_version for state in here),
            code_b=_versions(state.code_version for state in there),
        )
        if not (here and there) or _differs(change):
            yield change


def _differs(change: UpstreamChange) -> bool:
    return (change.data_a, change.code_a) != (change.data_b, change.code_b)


def _by_place(graph: LineageGraph) -> dict[_Place, list[UpstreamState]]:
    found: defaultdict[_Place, list[UpstreamState]] = defaultdict(list)
    for state in upstream("", graph).states:
        found[state.asset, state.partition].append(state)
    return found


def _versions(given: Iterator[str | None]) -> str | None:
    return ", ".join(sorted({version for version in given if version})) or None
