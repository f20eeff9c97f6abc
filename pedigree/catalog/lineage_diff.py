"""The difference between the lineage of two versions."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from pedigree.catalog.diff import CODE, Side, only, value_changes
from pedigree.catalog.diff_records import LineageDifference, UpstreamChange
from pedigree.lineage.records import Certainty, LineageGraph
from pedigree.lineage.upstream import UpstreamState, upstream

_Place = tuple[str, str | None]


def difference(a: Side, b: Side) -> LineageDifference:
    """Return the differences between two versions' data up to the sources, code and packages."""
    fields_a, fields_b = a.version.model_dump(mode="json"), b.version.model_dump(mode="json")
    return LineageDifference(
        a=a.version.reference,
        b=b.version.reference,
        data=tuple(_data(a.lineage, b.lineage)),
        code=tuple(value_changes(only(fields_a, CODE), only(fields_b, CODE))),
        packages=tuple(value_changes(a.packages, b.packages)),
        raced_a=a.lineage.raced,
        raced_b=b.lineage.raced,
        certain_a=a.lineage.certain,
        certain_b=b.lineage.certain,
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
            certainty_a=_certainty(here),
            certainty_b=_certainty(there),
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


def _certainty(states: Sequence[UpstreamState]) -> Certainty | None:
    """Return the combined certainty of the states of one place: the least certain one."""
    return min((state.certainty for state in states), key=lambda one: one.rank, default=None)


def _versions(given: Iterator[str | None]) -> str | None:
    return ", ".join(sorted({version for version in given if version})) or None
