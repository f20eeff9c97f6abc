"""``pedigree upstream | downstream | diff``: what a version depends on, and what on it."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from pedigree.cli._input import JsonFlag, LimitOption, ReferenceArgument
from pedigree.cli._session import open_registry

if TYPE_CHECKING:
    from rich.text import Text

    from pedigree.catalog.diff_records import LineageDifference, UpstreamChange
    from pedigree.lineage.records import Certainty, NodeKind
    from pedigree.lineage.upstream import UpstreamState
    from pedigree.lineage.usages import Downstream, Usage

PANEL = "Look up"


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("upstream", rich_help_panel=PANEL)(upstream)
    app.command("downstream", rich_help_panel=PANEL)(downstream)
    app.command("diff", rich_help_panel=PANEL)(diff)


def upstream(
    reference: ReferenceArgument,
    newest: Annotated[
        bool, typer.Option("--newest", help="Of its newest training instead of its first.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """List every asset and partition that a version depends on, down to the sources.

    Many partitions of one asset that it only possibly depends on are one line.
    """
    from pedigree.cli._lineage_tree import not_known
    from pedigree.cli._output import out, print_json, table

    with open_registry() as registry:
        found = registry.upstream(reference, newest=newest)
    if as_json:
        print_json(found)
        return
    columns = (
        *("asset", "partition", "data version", "code", "certainty", "known by", "run", "at"),
        "not known",
    )
    out.print(table(columns, _state_rows(found.states)))
    if unknown := not_known(found.not_ruled_out, recorded=found.recorded):
        out.print(unknown, style="red", markup=False, soft_wrap=True)
    if found.raced:
        out.print("[red]An input changed while the training was running.[/]")


def downstream(
    reference: ReferenceArgument,
    limit: LimitOption = 100,
    before: Annotated[
        int | None,
        typer.Option("--before", help="The last usage_id of the page before.", show_default=False),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List what was written with exactly this version, and the versions trained on it."""
    from pedigree.cli._output import out, print_json, table

    with open_registry() as registry:
        found = registry.downstream(reference, limit=limit, before=before)
    if as_json:
        print_json(found)
        return
    columns = ("asset", "partition", "data version", "known by", "run", "loaded", "written")
    out.print(table(columns, map(_usage_row, found.usages)))
    for line in _trained_on_it(found):
        out.print(line, markup=False, soft_wrap=True)


def diff(
    a: Annotated[
        str, typer.Argument(metavar="A", help="NAME/3 or NAME@production.", show_default=False)
    ],
    b: Annotated[
        str, typer.Argument(metavar="B", help="Another, also of another model.", show_default=False)
    ],
    as_json: JsonFlag = False,
) -> None:
    """Show in what data and code version B was made of differ from those of version A."""
    from pedigree.cli._output import print_json

    with open_registry() as registry:
        found = registry.diff(a, b)
    if as_json:
        print_json({**found.model_dump(mode="json"), "same": found.same})
    else:
        _show_difference(found)


def _trained_on_it(found: "Downstream") -> Iterator[str]:
    """Say which versions were trained on a version, and of which that is not known."""
    from pedigree.cli.impact import without_lineage

    if found.versions:
        yield f"Trained on it: {', '.join(found.versions)}"
    if found.possible:
        yield f"Possible, trained on it or not: {', '.join(found.possible)}"
    if found.unknown:
        yield f"Unknown whether trained on it: {', '.join(found.unknown)}"
    if found.without_lineage:
        yield without_lineage(found.without_lineage)


def _state_rows(states: "Iterable[UpstreamState]") -> "Iterator[tuple[str | Text, ...]]":
    from pedigree.cli._lineage_tree import FOLD_ABOVE

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
    from rich.text import Text

    from pedigree.cli._lineage_tree import CERTAINTY_STYLES

    return Text(certainty.value, style=CERTAINTY_STYLES.get(certainty, ""))


def _known_by(state: "UpstreamState") -> str:
    return state.capture.value if state.kind.value == "materialization" else state.kind.value


def _state_row(state: "UpstreamState") -> "tuple[str | Text, ...]":
    from pedigree.cli._output import NOT_PROVIDED, short_digest, when

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


def _usage_row(usage: "Usage") -> "tuple[str | Text, ...]":
    from pedigree.cli._output import NOT_PROVIDED, short_digest, when

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


def _show_difference(found: "LineageDifference") -> None:
    from pedigree.cli._output import out, table

    if found.same:
        out.print(f"{found.a} and {found.b} were made of the same data by the same code.")
        return
    if found.same is None:
        out.print(
            f"It is not known whether {found.a} and {found.b} were made of the same data.",
            markup=False,
        )
    if uncertain := _uncertain_sides(found):
        out.print(f"Not all that {uncertain} depends on is certain.", style="red", markup=False)
    if found.data:
        columns = ("data", "partition", found.a, found.b)
        out.print(table(columns, map(_change_row, found.data)))
    rows = [(one.name, _text(one.a), _text(one.b)) for one in (*found.code, *found.packages)]
    if rows:
        out.print(table(("code and packages", found.a, found.b), rows))


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
    from pedigree.cli._output import short_digest

    if certainty is None:
        return "not used"
    how = "" if certainty.certain else f", {certainty}"
    return f"{short_digest(data or '—')} (code {short_digest(code or '—')}{how})"


def _text(value: object) -> str:
    return "—" if value is None else str(value)
