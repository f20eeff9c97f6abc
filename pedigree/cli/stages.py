"""``pedigree promote | rollback | explain``: move versions, and see why they may not."""

from typing import TYPE_CHECKING, Annotated

import typer

from pedigree.cli._input import JsonFlag, NameArgument, ReferenceArgument, SeenGeneration
from pedigree.cli._session import open_registry

if TYPE_CHECKING:
    from pedigree.lifecycle.decision_records import Explanation, StageRequest
    from pedigree.lifecycle.records import Move

ToStage = Annotated[
    str, typer.Option("--to", metavar="STAGE", help="The stage to enter.", show_default=False)
]
Reason = Annotated[str | None, typer.Option("--reason", help="Why; kept in the audit log.")]


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    for name, command in (
        ("explain", explain),
        ("promote", promote),
        ("rollback", rollback),
    ):
        app.command(name, rich_help_panel="Judge and promote")(command)


def promote(
    reference: ReferenceArgument,
    to: ToStage,
    reason: Reason = None,
    expected_generation: SeenGeneration = None,
    request: Annotated[
        bool,
        typer.Option("--request", help="Where a gate is not passed, let it enter with the last."),
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Let a version enter a stage, if its policy allows."""
    with open_registry() as registry:
        promote = registry.request_stage if request else registry.promote
        answer = promote(reference, to, reason=reason, expected_generation=expected_generation)
    _show_answer(answer, as_json)


def _show_answer(answer: "Move | StageRequest", as_json: bool) -> None:
    from pedigree.lifecycle.decision_records import StageRequest

    if isinstance(answer, StageRequest):
        _show_request(answer, as_json)
    else:
        _show_move(answer, as_json)


def _show_request(request: "StageRequest", as_json: bool) -> None:
    """Say that a version does not enter a stage yet, and why."""
    from pedigree.cli._output import out, print_json

    if as_json:
        print_json(request)
        return
    reference = f"{request.model_name}/{request.version_id}"
    out.print(f"{reference} enters {request.stage} with its last gate.", markup=False)
    out.print(f"It waits for: {'; '.join(request.waits_for)}", markup=False)


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
    _show_move(move, as_json)


def _show_move(move: "Move", as_json: bool) -> None:
    from pedigree.cli._output import out, print_json

    if as_json:
        print_json(move)
        return
    reference = f"{move.model_name}/{move.version_id}"
    if not move.moved:
        out.print(f"{reference} holds {move.stage} already.", markup=False)
        return
    previous = move.previous_version_id
    replaced = f" in place of version {previous}" if previous else ""
    out.print(f"{reference} holds {move.stage}{replaced}.", markup=False)


def explain(
    reference: ReferenceArgument,
    to: ToStage,
    automatic: Annotated[
        bool, typer.Option("--automatic", help="As the sensor would ask, instead of a person.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Say what a version waits for before a stage."""
    from pedigree.cli._output import print_json

    with open_registry() as registry:
        explanation = registry.explain(reference, to, automatic=automatic)
    if as_json:
        print_json({**explanation.model_dump(mode="json"), "passed": explanation.passed})
    else:
        _show_explanation(explanation)


def _show_explanation(explanation: "Explanation") -> None:
    from pedigree.cli._output import out, table, when

    answer = "may enter" if explanation.passed else "may not enter"
    out.print(f"{explanation.reference} {answer} {explanation.stage}.", markup=False)
    rows = ((gate.name, _mark(gate.passed), gate.reason) for gate in explanation.gates)
    out.print(table(("gate", "", "why"), rows))
    for each in explanation.requests:
        why = f": {each.reason}" if each.reason else ""
        out.print(f"{each.requested_by} asked for it{why}", markup=False)
    if given_up := explanation.given_up:
        out.print(
            f"The sensor gave up at {when(given_up.at)} after {given_up.attempts} failed runs, the"
            f" last one {given_up.run_id}: {given_up.problem}",
            markup=False,
        )
        out.print(
            f"`pedigree retry {explanation.reference} --to {explanation.stage}` lets it try again.",
            markup=False,
        )


def _mark(passed: bool) -> str:
    return "passed" if passed else "waits"
