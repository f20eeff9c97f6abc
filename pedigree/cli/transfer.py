"""``pedigree export``: whole registries, and lineage in the formats of other tools."""

import os
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from pedigree.cli._input import JsonFlag
from pedigree.cli._output import respond
from pedigree.cli._session import open_registry
from pedigree.cli.lineage import export_lineage

if TYPE_CHECKING:
    from pedigree.transfer.mlflow_api import MlflowLogin
    from pedigree.transfer.report import TransferReport


FilterOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--filter", metavar="GLOB", help="Only models of such names; repeatable."),
]


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    sending = typer.Typer(help="Write to the formats of other tools.", no_args_is_help=True)
    sending.command("lineage")(export_lineage)
    sending.command("mlflow")(export_mlflow)
    app.add_typer(sending, name="export", rich_help_panel="Operate")


def export_mlflow(
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET", help="A folder, or the URL of an MLflow server.", show_default=False
        ),
    ],
    only: FilterOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Carry models to MLflow; a further run brings only what changed since.

    The exit code is 1 if anything was left. Credentials of a server are MLFLOW_TRACKING_TOKEN, or
    MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD.
    """
    from pedigree.transfer.exporting import export_to
    from pedigree.transfer.opening import open_destination
    from pedigree.transfer.planning import WantedModels

    with open_registry() as registry, open_destination(target, _login()) as destination:
        report = export_to(registry, destination, WantedModels(tuple(only or ())))
    _respond_report(report, as_json)


def _respond_report(report: "TransferReport", as_json: bool) -> None:
    respond(report, as_json, report.texts)
    if not report.is_complete:
        raise typer.Exit(1)


def _login() -> "MlflowLogin":
    """Return the credentials that MLflow's own clients read from the environment."""
    from pydantic import SecretStr

    from pedigree.transfer.mlflow_api import MlflowLogin

    token, password = (
        SecretStr(found) if (found := os.environ.get(f"MLFLOW_TRACKING_{name}")) else None
        for name in ("TOKEN", "PASSWORD")
    )
    return MlflowLogin(token, os.environ.get("MLFLOW_TRACKING_USERNAME"), password)
