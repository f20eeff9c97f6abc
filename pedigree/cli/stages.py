"""``pedigree promote | demote | rollback | timeline | as-of | tenures``: stages over time."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from pedigree.cli._input import (
    AfterIdOption,
    JsonFlag,
    LimitOption,
    NameArgument,
    ReferenceArgument,
    SeenGeneration,
    read_moment,
)
from pedigree.cli._lists import page_before, page_of, respond_list
from pedigree.cli._output import respond, table, when
from pedigree.cli._session import open_registry
from pedigree.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.table import Table

    from pedigree.lifecycle.decision_records import StageRequest
    from pedigree.lifecycle.records import Move, Tenure

Reason = Annotated[str | None, typer.Option("--reason", help="Why; kept in the audit log.")]
ToStage = Annotated[
    str, typer.Option("--to", metavar="STAGE", help="The stage to enter.", show_default=False)
]
StageOption: TypeAlias = Annotated[
    str | None, typer.Option("--stage", help="Only this stage.", show_default=False)
]
AliasOption: TypeAlias = Annotated[
    str | None, typer.Option("--alias", help="Only this alias.", show_default=False)
]


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("promote", rich_help_panel="Judge and promote")(promote)
    app.command("demote", rich_help_panel="Judge and promote")(demote)
    app.command("rollback", rich_help_panel="Judge and promote")(rollback)
    app.command("timeline", rich_help_panel="Look up")(timeline)
    app.command("as-of", rich_help_panel="Look up")(as_of)
    app.command("tenures", rich_help_panel="Look up")(tenures)


def promote(
    reference: ReferenceArgument,
    to: ToStage,
    archive_existing: Annotated[
        bool, typer.Option("--archive-existing", help="Archive all others that hold the stage.")
    ] = False,
    reason: Reason = None,
    expected_generation: SeenGeneration = None,
    request: Annotated[
        bool,
        typer.Option("--request", help="If a gate is not passed, let it enter once all are."),
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Let a version enter a stage, if its policy allows."""
    if request and archive_existing:
        raise InvalidInputError(
            "is given together with --request, which archives no other versions",
            field="--archive-existing",
            value=True,
            remedy="Give one of the two",
        )
    with open_registry() as registry:
        promote: Callable[..., Move | StageRequest] = (
            registry.request_stage
            if request
            else partial(registry.promote, archive_existing=archive_existing)
        )
        answer = promote(reference, to, reason=reason, expected_generation=expected_generation)
    _show_answer(answer, as_json)


def _show_answer(answer: "Move | StageRequest", as_json: bool) -> None:
    from pedigree.lifecycle.decision_records import StageRequest

    if isinstance(answer, StageRequest):
        _show_request(answer, as_json)
    else:
        show_move(answer, as_json)


def _show_request(request: "StageRequest", as_json: bool) -> None:
    """Print that a version does not enter a stage yet, and why."""

    def view() -> Iterator[object]:
        reference = f"{request.model_name}/{request.version_id}"
        yield f"{reference} enters {request.stage} when its last gate passes."
        yield f"It waits for: {'; '.join(request.waits_for)}"

    respond(request, as_json, view)


def demote(
    reference: ReferenceArgument,
    reason: Reason = None,
    expected_generation: SeenGeneration = None,
    as_json: JsonFlag = False,
) -> None:
    """Let a version leave its stage and be in none, if its policy allows."""
    with open_registry() as registry:
        move = registry.demote(reference, reason=reason, expected_generation=expected_generation)

    def view() -> str:
        reference = f"{move.model_name}/{move.version_id}"
        return f"{reference} is in no stage{'.' if move.moved else ' already.'}"

    respond(move, as_json, view)


def rollback(
    name: NameArgument,
    stage: Annotated[str, typer.Option(help="The stage to roll back.")] = "production",
    reason: Reason = None,
    expected_generation: SeenGeneration = None,
    as_json: JsonFlag = False,
) -> None:
    """Return a stage to the version that held it before."""
    with open_registry() as registry:
        move = registry.rollback(
            name, stage=stage, reason=reason, expected_generation=expected_generation
        )
    show_move(move, as_json)


def show_move(move: "Move", as_json: bool) -> None:
    """Print that a version entered a stage."""

    def view() -> Iterator[object]:
        reference = f"{move.model_name}/{move.version_id}"
        if not move.moved:
            yield f"{reference} already holds {move.stage}."
        else:
            previous = move.previous_version_id
            replaced = f" in place of version {previous}" if previous else ""
            yield f"{reference} holds {move.stage}{replaced}."
        if move.archived > move.moved:
            yield f"{move.archived:,} versions were archived."

    respond(move, as_json, view)


def timeline(
    name: NameArgument,
    stage: StageOption = None,
    alias: AliasOption = None,
    limit: LimitOption = 1000,
    before: Annotated[
        int | None,
        typer.Option("--before", help="Start before this tenure_id.", show_default=False),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show which version held which stage or alias, and when."""
    with open_registry() as registry:
        pointer = _pointer(stage, alias)
        found = page_before(
            lambda most: registry.timeline(name, pointer, limit=most, before=before),
            limit,
            lambda tenure: tenure.tenure_id,
        )
    respond_list(found, as_json, lambda: tenure_table(found.items))


def as_of(
    name: NameArgument,
    moment: Annotated[
        str,
        typer.Argument(
            metavar="MOMENT", help="Such as 2026-03-01T12:00Z, with time zone.", show_default=False
        ),
    ],
    stage: StageOption = None,
    alias: AliasOption = None,
    limit: LimitOption = 1000,
    after: AfterIdOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show which version each stage and alias named at a given time, who moved it, and why."""
    with open_registry() as registry:
        at, pointer = read_moment("moment", moment), _pointer(stage, alias)
        found = page_of(
            lambda most: registry.as_of(name, at, pointer, limit=most, after=after),
            limit,
            lambda tenure: tenure.tenure_id,
        )

    def view() -> Iterator[object]:
        if found.items:
            yield tenure_table(found.items)
        else:
            yield "Nothing was held then."

    respond_list(found, as_json, view)


def tenure_table(tenures: "Iterable[Tenure]") -> "Table":
    """Return tenures as a table."""
    rows = (
        (
            tenure.pointer,
            str(tenure.version_id),
            when(tenure.since),
            when(tenure.until),
            tenure.moved_by,
            tenure.reason or "",
        )
        for tenure in tenures
    )
    columns = ("stage or alias", "version#", "since", "until", "by", "reason")
    return table(columns, rows)


def _pointer(stage: str | None, alias: str | None) -> str | None:
    if stage and alias:
        raise InvalidInputError(
            "is given together with --stage",
            field="--alias",
            value=alias,
            remedy="Give one of the two",
        )
    return f"stage:{stage}" if stage else f"alias:{alias}" if alias else None


def tenures(
    reference: ReferenceArgument,
    limit: LimitOption = 100,
    after: AfterIdOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List which stages and aliases a version held and when, oldest first."""
    with open_registry() as registry:
        found = page_of(
            lambda most: registry.tenures(reference, limit=most, after=after or 0),
            limit,
            lambda tenure: tenure.tenure_id,
        )
    respond_list(found, as_json, lambda: tenure_table(found.items))
