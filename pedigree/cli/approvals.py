"""``pedigree approve | reject | override``: decisions about a version and a stage."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from pedigree.cli._input import (
    AfterIdOption,
    JsonFlag,
    LimitOption,
    ReferenceArgument,
    SeenGeneration,
)
from pedigree.cli._lists import page_of, respond_list
from pedigree.cli._output import respond, table, when
from pedigree.cli._session import open_registry
from pedigree.cli.stages import ToStage, show_move

if TYPE_CHECKING:
    from pedigree.lifecycle.decision_records import Decision, StageOverride

Comment = Annotated[
    str, typer.Option("--comment", help="Why; kept in the audit log.", show_default=False)
]


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    for name, command in (
        ("approve", approve),
        ("reject", reject),
        ("override", override),
    ):
        app.command(name, rich_help_panel="Judge and promote")(command)
    app.command("decisions", rich_help_panel="Look up")(decisions)
    app.command("overrides", rich_help_panel="Look up")(overrides)


def approve(
    reference: ReferenceArgument,
    to: ToStage,
    comment: Comment,
    expected_generation: SeenGeneration = None,
    as_json: JsonFlag = False,
) -> None:
    """Approve a version for a stage, until any stage or alias of the model changes."""
    with open_registry() as registry:
        decision = registry.approve(
            reference, to, comment=comment, expected_generation=expected_generation
        )
        explanation = registry.explain(reference, to)
        stage = registry.get(reference).stage
    waits_for = "" if stage == to else "; ".join(explanation.waits_for)
    _show(decision, "approved", waits_for, as_json)
    if stage == to and not as_json:
        print(f"It was requested, and holds {to} now.")


def reject(
    reference: ReferenceArgument,
    to: ToStage,
    comment: Comment,
    expected_generation: SeenGeneration = None,
    as_json: JsonFlag = False,
) -> None:
    """Reject a version: it enters no stage until somebody approves it again."""
    with open_registry() as registry:
        decision = registry.reject(
            reference, to, comment=comment, expected_generation=expected_generation
        )
    _show(decision, "rejected", "", as_json)


def override(
    reference: ReferenceArgument,
    to: ToStage,
    reason: Annotated[
        str,
        typer.Option("--reason", help="Why; always shown with the version.", show_default=False),
    ],
    expected_generation: SeenGeneration = None,
    as_json: JsonFlag = False,
) -> None:
    """Let a version enter a stage past gates that it has not passed."""
    with open_registry() as registry:
        move = registry.override(
            reference, to, reason=reason, expected_generation=expected_generation
        )
    show_move(move, as_json)


def _show(decision: "Decision", verb: str, waits_for: str, as_json: bool) -> None:
    def view() -> Iterator[object]:
        way = f"{decision.from_stage} → {decision.to_stage}"
        yield f"{decision.decided_by} {verb} version {decision.version_id}, {way}."
        if waits_for:
            yield f"It still waits for: {waits_for}"

    respond(decision, as_json, view)


def decisions(
    reference: ReferenceArgument,
    limit: LimitOption = 100,
    after: AfterIdOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List the decisions about a version, oldest first."""
    with open_registry() as registry:
        found = page_of(
            lambda most: registry.decisions(reference, limit=most, after=after or 0),
            limit,
            lambda decision: decision.decision_id,
        )
    columns = ("decision", "for", "by", "at", "comment")
    respond_list(found, as_json, lambda: table(columns, map(_decision_row, found.items)))


def _decision_row(one: "Decision") -> tuple[str, ...]:
    word = "approved" if one.approved else "rejected"
    return word, one.to_stage, one.decided_by, str(when(one.at)), one.comment


def overrides(
    reference: ReferenceArgument,
    limit: LimitOption = 100,
    after: AfterIdOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List the overrides of a version, oldest first."""
    with open_registry() as registry:
        found = page_of(
            lambda most: registry.overrides(reference, limit=most, after=after or 0),
            limit,
            lambda each: each.override_id,
        )
    columns = ("into", "by", "at", "reason", "gates not passed")
    respond_list(found, as_json, lambda: table(columns, map(_override_row, found.items)))


def _override_row(one: "StageOverride") -> tuple[str, ...]:
    gates = "; ".join(f"{gate.name}: {gate.reason}" for gate in one.gates)
    return one.to_stage, one.overridden_by, str(when(one.at)), one.reason, gates
