"""``pedigree explain | waits | retry``: the gates that a version waits for before a stage."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from pedigree.cli._input import (
    JsonFlag,
    LimitOption,
    ReferenceArgument,
)
from pedigree.cli._lists import page_of, respond_list
from pedigree.cli._output import respond, table, when
from pedigree.cli._session import open_registry
from pedigree.cli.stages import Reason, ToStage

if TYPE_CHECKING:
    from pedigree.lifecycle.decision_records import Candidacy, Explanation


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    for name, command in (
        ("explain", explain),
        ("retry", retry),
    ):
        app.command(name, rich_help_panel="Judge and promote")(command)
    app.command("waits", rich_help_panel="Look up")(waits)


def explain(
    reference: ReferenceArgument,
    to: ToStage,
    automatic: Annotated[
        bool, typer.Option("--automatic", help="For the sensor instead of a person.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show what a version waits for before a stage."""
    with open_registry() as registry:
        explanation = registry.explain(reference, to, automatic=automatic)
    respond(
        {**explanation.model_dump(mode="json"), "passed": explanation.passed},
        as_json,
        lambda: _explanation_view(explanation),
    )


def _explanation_view(explanation: "Explanation") -> Iterator[object]:
    answer = "may enter" if explanation.passed else "may not enter"
    yield f"{explanation.reference} {answer} {explanation.stage}."
    rows = ((gate.name, _mark(gate.passed), gate.reason) for gate in explanation.gates)
    yield table(("gate", "", "why"), rows)
    for each in explanation.requests:
        why = f": {each.reason}" if each.reason else ""
        yield f"{each.requested_by} requested it{why}"
    if given_up := explanation.given_up:
        yield (
            f"The sensor gave up at {when(given_up.at)} after {given_up.attempts} failed runs, the"
            f" last one {given_up.run_id}: {given_up.problem}"
        )
        yield (
            f"`pedigree retry {explanation.reference} --to {explanation.stage}` lets it try again."
        )


def _mark(passed: bool) -> str:
    return "passed" if passed else "waits"


def waits(
    reference: ReferenceArgument,
    limit: LimitOption = 100,
    after: Annotated[
        str | None,
        typer.Option("--after", help="The last stage of the previous page.", show_default=False),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List by stage what a version waited for at the last evaluation."""
    with open_registry() as registry:
        found = page_of(
            lambda most: registry.candidacies(reference, limit=most, after=after),
            limit,
            lambda candidacy: candidacy.stage,
        )
    columns = ("stage", "waits for", "looked at")
    respond_list(found, as_json, lambda: table(columns, map(_candidacy_row, found.items)))


def _candidacy_row(one: "Candidacy") -> tuple[str, ...]:
    return one.stage, "; ".join(one.waits_for) or "nothing", str(when(one.evaluated_at))


def retry(
    reference: ReferenceArgument, to: ToStage, reason: Reason = None, as_json: JsonFlag = False
) -> None:
    """Let the promotion sensor retry a promotion that it gave up after failed runs."""
    with open_registry() as registry:
        given_up = registry.retry_promotion(reference, to, reason=reason)

    def view() -> Iterator[object]:
        yield f"The sensor tries {reference} → {given_up.stage} again."
        yield f"It gave up after {given_up.attempts} runs: {given_up.problem}"

    respond(given_up, as_json, view)
