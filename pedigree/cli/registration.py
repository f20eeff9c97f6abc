"""``pedigree register``: create a version from the files of a training outside Dagster."""

from collections.abc import Callable, Iterator
from functools import wraps
from inspect import Signature
from inspect import signature as signature_of
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from pedigree.cli._input import JsonFlag, NameArgument
from pedigree.cli._output import Raw, respond
from pedigree.cli._session import open_registry
from pedigree.cli.checks import verdict_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pedigree.catalog.records import ModelVersion, Registration
    from pedigree.cli._metadata import DeclaredOptions
    from pedigree.contract.registry import RegistryContract
    from pedigree.lifecycle.records import RecordedVerdict


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("register", rich_help_panel="Change")(_with_field_options(register))


def _with_field_options(command: Callable[..., None]) -> Callable[..., None]:
    """Return the command with an option for each metadata field that has one, before ``--json``."""
    from pedigree.cli._metadata import field_options

    *own, as_json, _ = signature_of(command, eval_str=True).parameters.values()

    @wraps(command)
    def run(**given: object) -> None:
        command(**given)

    run.__signature__ = Signature([*own, *field_options(), as_json])  # type: ignore[attr-defined]  # inspect reads it, typeshed does not know it
    return run


def register(
    name: NameArgument,
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A file or a folder.", show_default=False)
    ],
    flavor: Annotated[
        str | None, typer.Option(help="How to load it, such as sklearn or generic.")
    ] = None,
    signature: Annotated[
        Path | None,
        typer.Option(
            help="A JSON file of typed inputs and outputs; an MLmodel or ONNX file has its own."
        ),
    ] = None,
    sample: Annotated[
        Path | None,
        typer.Option(
            help="Inputs (.csv, .parquet, .arrow); the signature is inferred by predicting them."
        ),
    ] = None,
    trust: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Code that may run while --sample loads the model."),
    ] = None,
    run_id: Annotated[
        str | None,
        typer.Option(help="The run that made it; else PEDIGREE_RUN_ID, else the CI's own."),
    ] = None,
    git_commit: Annotated[
        str | None,
        typer.Option(help="Of the training code; else PEDIGREE_GIT_COMMIT, CI, the work tree."),
    ] = None,
    environment: Annotated[
        Path | None, typer.Option(help="The output of `pip freeze` where it was trained.")
    ] = None,
    as_json: JsonFlag = False,
    **fields: object,
) -> None:
    """Register files as a version of a model.

    Then run the registration checks on it and write its model card.
    The same files of the same model are the same version: registering them again adds the run.
    """
    from pedigree.cli._metadata import DeclaredOptions

    declared = DeclaredOptions(
        flavor=flavor,
        signature=signature,
        sample=sample,
        run_id=run_id,
        git_commit=git_commit,
        environment=environment,
        trust=tuple(trust or ()),
        fields=fields,
    )
    with open_registry() as registry:
        registration = _register(registry, name, path, declared, as_json)
        reference = registration.version.reference
        _answer(registration, registry.get(reference), registry.verdicts(reference), as_json)


def _register(
    registry: "RegistryContract", name: str, path: Path, declared: "DeclaredOptions", as_json: bool
) -> "Registration":
    from pedigree.cli._metadata import new_version
    from pedigree.cli._progress import transfer_bar

    new = new_version(declared, path, registry.settings)
    with transfer_bar(name, as_json) as progress:
        return registry.register(name, path, new, progress=progress, judge=True)


def _answer(
    registration: "Registration",
    version: "ModelVersion",
    verdicts: "Sequence[RecordedVerdict]",
    as_json: bool,
) -> None:
    from pedigree.catalog.snippets import load_snippet

    text = load_snippet(version)

    def view() -> Iterator[object]:
        made = "registered" if registration.created else "already registered; this run is added"
        yield f"{version.reference} is {made}. Stage: {version.stage}."
        if registration.notice:
            yield Text(f"Note: {registration.notice}.", style="yellow")
        yield verdict_table(verdicts)
        yield Text("Load it:\n", style="bold")
        yield Raw(text)

    respond(
        {
            "version": version,
            "created": registration.created,
            "training_id": registration.training_id,
            "notice": registration.notice,
            "verdicts": verdicts,
            "snippet": text,
        },
        as_json,
        view,
    )
