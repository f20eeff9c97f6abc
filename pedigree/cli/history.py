"""``pedigree verdicts | decisions | trainings | files | card …``: the papers of a version."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pedigree.cli._input import JsonFlag, LimitOption, ReferenceArgument, read_text
from pedigree.cli._session import open_registry

if TYPE_CHECKING:
    from pedigree.lifecycle.decision_records import Candidacy, Decision

PANEL = "Look up"


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    for command in (verdicts, decisions, waits, trainings, environment, tenures, files, card):
        app.command(command.__name__, rich_help_panel=PANEL)(command)


def verdicts(reference: ReferenceArgument, as_json: JsonFlag = False) -> None:
    """List the newest verdict of each check on a version."""
    from pedigree.cli._output import print_json
    from pedigree.cli.checks import show_verdicts

    with open_registry() as registry:
        found = registry.verdicts(reference)
    if as_json:
        print_json(found)
    else:
        show_verdicts(found)


def decisions(reference: ReferenceArgument, as_json: JsonFlag = False) -> None:
    """List what people decided about a version."""
    from pedigree.cli._output import out, print_json, table

    with open_registry() as registry:
        found = registry.decisions(reference)
    if as_json:
        print_json(found)
    else:
        out.print(table(("decision", "for", "by", "at", "comment"), map(_decision_row, found)))


def waits(reference: ReferenceArgument, as_json: JsonFlag = False) -> None:
    """List what a version waited for when it was last looked at, by stage."""
    from pedigree.cli._output import out, print_json, table

    with open_registry() as registry:
        found = registry.candidacies(reference)
    if as_json:
        print_json(found)
    else:
        out.print(table(("stage", "waits for", "looked at"), map(_candidacy_row, found)))


def trainings(
    reference: ReferenceArgument,
    limit: LimitOption = 100,
    after: Annotated[
        str | None, typer.Option("--after", help="The last id of the page before.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List the runs that produced a version's bytes, the first one first."""
    from pedigree.cli._output import out, print_json, table, when

    with open_registry() as registry:
        found = registry.trainings(reference, limit=limit, after=after)
    if as_json:
        print_json(found)
        return
    rows = (
        (
            one.training_id,
            one.metadata.run_id,
            one.metadata.git_commit[:9],
            one.verification.status.value,
            when(one.created_at),
        )
        for one in found
    )
    out.print(table(("id", "run", "commit", "predictions", "at"), rows))


def environment(reference: ReferenceArgument, as_json: JsonFlag = False) -> None:
    """List the packages that a version was trained with."""
    from pedigree.cli._output import print_json

    with open_registry() as registry:
        found = registry.environment(reference)
    if as_json:
        print_json(found)
        return
    for package in found:
        print(package)


def tenures(reference: ReferenceArgument, as_json: JsonFlag = False) -> None:
    """List which stages and aliases a version held and when, the oldest first."""
    from pedigree.cli._output import out, print_json
    from pedigree.cli.models import tenure_table

    with open_registry() as registry:
        found = registry.tenures(reference)
    if as_json:
        print_json(found)
    else:
        out.print(tenure_table(found))


def files(reference: ReferenceArgument, as_json: JsonFlag = False) -> None:
    """List a version's files with their sizes and digests."""
    from pedigree.cli._output import out, print_json, short_digest, size_text, table

    with open_registry() as registry:
        manifest = registry.manifest(reference)
    if as_json:
        print_json(manifest)
        return
    rows = ((one.path, size_text(one.size), short_digest(one.digest)) for one in manifest.files)
    out.print(table(("path", "size#", "digest"), rows))


def card(
    reference: ReferenceArgument,
    write: Annotated[
        bool, typer.Option("--write", help="Write it anew, from what is known now.")
    ] = False,
    notes: Annotated[
        Path | None, typer.Option("--notes", help="Write it with what people say, a JSON file.")
    ] = None,
    fields: Annotated[
        bool, typer.Option("--fields", help="Say of each of its fields whether it is provided.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show a version's model card, or write it."""
    from pedigree.cards.records import CardNotes
    from pedigree.cli._output import out, print_json, table

    said = None if notes is None else CardNotes.model_validate_json(read_text("--notes", notes))
    with open_registry() as registry:
        exact = registry.get(reference).reference
        found = registry.write_card(exact, said) if write or said else registry.card(exact)
        provided = dict(registry.card_fields(exact)) if fields else {}
    if as_json:
        print_json(provided if fields else found)
    elif fields:
        rows = ((name, "yes" if there else "no") for name, there in provided.items())
        out.print(table(("field", "provided"), rows))
    else:
        print(found.markdown)


def _decision_row(one: "Decision") -> tuple[str, ...]:
    from pedigree.cli._output import when

    word = "approved" if one.approved else "rejected"
    return word, one.to_stage, one.decided_by, str(when(one.at)), one.comment


def _candidacy_row(one: "Candidacy") -> tuple[str, ...]:
    from pedigree.cli._output import when

    return one.stage, "; ".join(one.waits_for) or "nothing", str(when(one.evaluated_at))
