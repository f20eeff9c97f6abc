"""``pedigree hold | lift-hold | delete | restore | retention``: how long versions are kept."""

from typing import Annotated

import typer

from pedigree.cli._input import JsonFlag, NameArgument, ReferenceArgument
from pedigree.cli._integers import read_integer
from pedigree.cli._output import respond
from pedigree.cli._session import open_registry

Reason = Annotated[
    str, typer.Option("--reason", help="Why; kept in the audit log.", show_default=False)
]
OptionalReason = Annotated[str | None, typer.Option("--reason", help="Why, for the audit log.")]
ReferenceOrName = Annotated[
    str, typer.Argument(metavar="REF", help="NAME/3; NAME with --model.", show_default=False)
]
WholeModel = Annotated[bool, typer.Option("--model", help="The whole registered model.")]


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    for name, command in (
        ("hold", hold),
        ("lift-hold", lift_hold),
        ("delete", delete),
        ("restore", restore),
        ("retention", retention),
    ):
        app.command(name, rich_help_panel="Change")(command)


def hold(reference: ReferenceArgument, reason: Reason, as_json: JsonFlag = False) -> None:
    """Put a version under legal hold.

    It cannot be deleted until the hold is lifted.
    """
    with open_registry() as registry:
        registry.hold(reference, reason=reason)
        _answer(registry.get(reference), as_json, f"{reference} is held.")


def lift_hold(
    reference: ReferenceArgument, reason: OptionalReason = None, as_json: JsonFlag = False
) -> None:
    """Lift a version's legal hold."""
    with open_registry() as registry:
        registry.lift_hold(reference, reason=reason)
        _answer(registry.get(reference), as_json, f"{reference} is no longer held.")


def delete(
    what: ReferenceOrName, reason: Reason, model: WholeModel = False, as_json: JsonFlag = False
) -> None:
    """Delete a version, or with --model the whole model NAME.

    Its number and name are never used again. It can be restored within the retention window.
    """
    with open_registry() as registry:
        gone = registry.model(what) if model else registry.get(what)
        shown = getattr(gone, "reference", what)
        if model:
            registry.delete_model(what, reason=reason)
        else:
            registry.delete(shown, reason=reason)
        _answer(gone, as_json, f"{shown} is deleted.")


def restore(
    what: ReferenceOrName,
    reason: OptionalReason = None,
    model: WholeModel = False,
    as_json: JsonFlag = False,
) -> None:
    """Restore a deleted version, or with --model all that was deleted with NAME.

    It works within the retention window, and after it until `pedigree gc` has collected the bytes.
    """
    with open_registry() as registry:
        if model:
            versions = registry.restore_model(what, reason=reason)
            answer: object = {"model_name": what, "restored": versions}
        else:
            answer = registry.restore(what, reason=reason)
        _answer(answer, as_json, f"{what} is restored.")


def retention(
    name: NameArgument,
    keep_production: Annotated[
        str | None,
        typer.Option(
            metavar="N", help="Archive all but the N latest production versions; or: all."
        ),
    ] = None,
    window: Annotated[
        str | None,
        typer.Option(metavar="30d", help="How long deleted versions can be restored; or: default."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show or change how long a model's versions are kept and in which tier."""
    from pedigree.lifecycle.records import RetentionRule

    with open_registry() as registry:
        rule = registry.retention(name)
        given = rule.model_dump()
        if keep_production is not None:
            given["keep_production"] = _number_or_all(keep_production)
        if window is not None:
            given["window"] = None if window == "default" else window
        changed = RetentionRule.model_validate(given)
        if changed != rule:
            registry.set_retention(name, changed)
        shown = changed.window or registry.settings.retention_window
    keeps = changed.keep_production or "all"
    _answer(
        changed,
        as_json,
        f"{name}: {keeps} production versions stay in the standard tier; what is deleted can be "
        f"restored for {shown}.",
    )


def _number_or_all(word: str) -> int | str | None:
    """Return a number; leave any other word for the record to refuse."""
    if word == "all":
        return None
    try:
        return read_integer(word)
    except ValueError:
        return word


def _answer(answer: object, as_json: bool, sentence: str) -> None:
    respond(answer, as_json, lambda: sentence)
