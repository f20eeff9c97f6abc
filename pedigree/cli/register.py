"""``pedigree register``: make a version of files that a training outside Dagster left behind."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pedigree.cli._input import JsonFlag, NameArgument
from pedigree.cli._session import open_registry
from pedigree.cli.checks import show_verdicts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pedigree.catalog.records import ModelVersion, Registration
    from pedigree.cli._metadata import DeclaredOptions
    from pedigree.lifecycle.records import RecordedVerdict
    from pedigree.registry import Registry


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("register", rich_help_panel="Change")(register)


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
        typer.Option(metavar="NAME", help="What may run while --sample loads the model."),
    ] = None,
    run_id: Annotated[
        str | None,
        typer.Option(help="The run that made it; else PEDIGREE_RUN_ID, else the CI's own."),
    ] = None,
    git_commit: Annotated[
        str | None,
        typer.Option(help="The training code's; else PEDIGREE_GIT_COMMIT, CI, the work tree."),
    ] = None,
    environment: Annotated[
        Path | None, typer.Option(help="What `pip freeze` said where it was trained.")
    ] = None,
    metric: Annotated[
        list[str] | None, typer.Option(metavar="KEY=NUMBER", help="An evaluation metric.")
    ] = None,
    param: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="A hyperparameter.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="A tag.")] = None,
    owner: Annotated[list[str] | None, typer.Option(help="Who owns it; may be repeated.")] = None,
    description: Annotated[str | None, typer.Option(help="What it is.")] = None,
    training_data_digest: Annotated[
        str | None, typer.Option(help="One digest over what it was trained on.")
    ] = None,
    training_data_version: Annotated[
        str | None, typer.Option(help="The data's version in its owner's words.")
    ] = None,
    validation_dataset_id: Annotated[
        str | None, typer.Option(help="What the metrics were measured on.")
    ] = None,
    risk_class: Annotated[
        str | None, typer.Option(help="minimal, limited, high or unacceptable (EU AI Act).")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Register files as a version of a model.

    Then the registration checks run on it and its model card is written.
    The same files on the same model are the same version: registering again adds the run to it.
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
        metrics=tuple(metric or ()),
        params=tuple(param or ()),
        tags=tuple(tag or ()),
        others={
            "owners": tuple(owner or ()),
            "description": description,
            "training_data_digest": training_data_digest,
            "training_data_version": training_data_version,
            "validation_dataset_id": validation_dataset_id,
            "risk_class": risk_class,
        },
    )
    with open_registry() as registry:
        registration = _register(registry, name, path, declared, as_json)
        reference = registration.version.reference
        verdicts = registry.verdicts(reference)
        version = registry.get(reference)
    _answer(registration, version, verdicts, as_json)


def _register(
    registry: "Registry", name: str, path: Path, declared: "DeclaredOptions", as_json: bool
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
    from pedigree.cli._output import out, print_json

    text = load_snippet(version)
    if as_json:
        print_json(
            {
                "version": version,
                "created": registration.created,
                "training_id": registration.training_id,
                "notice": registration.notice,
                "verdicts": verdicts,
                "snippet": text,
            }
        )
        return
    made = "registered" if registration.created else "known already; this run was added to it"
    out.print(f"{version.reference} is {made}. Stage: {version.stage}.", markup=False)
    if registration.notice:
        out.print(f"Note: {registration.notice}.", style="yellow", markup=False)
    show_verdicts(verdicts)
    out.print("Load it:\n", style="bold")
    print(text)
