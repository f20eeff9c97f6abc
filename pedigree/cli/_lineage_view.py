"""The view of what a version depends on, and of what depends on it."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from rich.text import Text

from pedigree.cli._lineage_tree import CERTAINTY_STYLES, FOLD_ABOVE
from pedigree.cli._output import NOT_PROVIDED, short_digest, table, when
from pedigree.cli.impact import without_lineage

if TYPE_CHECKING:
    from pedigree.catalog.diff_records import LineageDifference, UpstreamChange
    from pedigree.lineage.records import Certainty, NodeKind
    from pedigree.lineage.upstream import UpstreamState
    from pedigree.lineage.usages import Downstream, Usage


def trained_on_it(found: "Downstream") -> Iterator[str]:
    """Yield the versions trained on a version, and those for which this is not known."""
    if found.versions:
        yield f"Trained on it: {', '.join(found.versions)}"
    if found.possible:
        yield f"Possible, trained on it or not: {', '.join(found.possible)}"
    if found.unknown:
        yield f"Unknown whether trained on it: {', '.join(found.unknown)}"
    if found.more:
        yield f"{found.more:,} further versions depend or may depend on it."
    if found.hidden:
        yield f"{found.hidden:,} further versions are of models that you may not read."
    if found.without_lineage:
        yield without_lineage(found.without_lineage)


def state_rows(states: "Iterable[UpstreamState]") -> "Iterator[tuple[str | Text, ...]]":
    """Yield the rows of what a version depends on; many similar states are one row."""
    for (*_, certainty, _), group in groupby(states, _alike):
        alike = list(group)
        if certainty.value == "possible" and len(alike) > FOLD_ABOVE:
            yield _folded_row(alike)
        else:
            yield from map(_state_row, alike)


def _alike(state: "UpstreamState") -> "tuple[int, str, Certainty, NodeKind]":
    return state.distance, state.asset, state.certainty, state.kind


def _folded_row(states: "Sequence[UpstreamState]") -> "tuple[str | Text, ...]":
    first = states[0]
    versions = {state.data_version for state in states}
    return (
        "  " * (first.distance - 1) + first.asset,
        f"{len(states)} partitions",
        "1 for all" if len(versions) == 1 else f"{len(versions)} different",
        "",
        _certainty(first.certainty),
        _known_by(first),
        "",
        "",
        "which of them",
    )


def _certainty(certainty: "Certainty") -> "Text":
    return Text(certainty.value, style=CERTAINTY_STYLES.get(certainty, ""))


def _known_by(state: "UpstreamState") -> str:
    return state.capture.value if state.kind.value == "materialization" else state.kind.value


def _state_row(state: "UpstreamState") -> "tuple[str | Text, ...]":
    return (
        "  " * (state.distance - 1) + state.asset,
        state.partition or "",
        short_digest(state.data_version) if state.data_version else NOT_PROVIDED,
        short_digest(state.code_version) if state.code_version else NOT_PROVIDED,
        _certainty(state.certainty),
        _known_by(state),
        (state.run_id or "")[:8],
        when(state.at),
        ", ".join(name.replace("_", " ") for name in state.missing),
    )


def usage_row(usage: "Usage") -> "tuple[str | Text, ...]":
    """Return the row of one use of a version to write data."""
    return (
        usage.asset,
        usage.partition or "",
        short_digest(usage.data_version) if usage.data_version else NOT_PROVIDED,
        usage.capture.value,
        usage.run_id[:8],
        when(usage.used_at),
        when(usage.written_at)
        if usage.written
        else "nothing"
        if usage.settled
        else "not known yet",
    )


def difference_view(found: "LineageDifference") -> Iterator[object]:
    """Yield the differences in data and code between two versions."""
    if found.same:
        yield f"{found.a} and {found.b} were trained on the same data by the same code."
        return
    if found.same is None:
        yield f"It is not known whether {found.a} and {found.b} were trained on the same data."
    if uncertain := _uncertain_sides(found):
        yield Text(f"Not all that {uncertain} depends on is certain.", style="red")
    if found.data:
        columns = ("data", "partition", found.a, found.b)
        yield table(columns, map(_change_row, found.data))
    rows = [(one.name, _text(one.a), _text(one.b)) for one in (*found.code, *found.packages)]
    if rows:
        yield table(("code and packages", found.a, found.b), rows)


def _change_row(change: "UpstreamChange") -> tuple[str, ...]:
    return (
        "  " * (change.distance - 1) + change.asset,
        change.partition or "",
        _side(change.certainty_a, change.data_a, change.code_a),
        _side(change.certainty_b, change.data_b, change.code_b),
    )


def _uncertain_sides(found: "LineageDifference") -> str:
    sides = {found.a: found.certain_a, found.b: found.certain_b}
    return " or ".join(reference for reference, certain in sides.items() if not certain)


def _side(certainty: "Certainty | None", data: str | None, code: str | None) -> str:
    if certainty is None:
        return "not used"
    how = "" if certainty.certain else f", {certainty}"
    return f"{short_digest(data or '—')} (code {short_digest(code or '—')}{how})"


def _text(value: object) -> str:
    return "—" if value is None else str(value)
