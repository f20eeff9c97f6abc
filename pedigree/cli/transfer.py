"""``pedigree import | export``: whole registries."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer
from typer.core import TyperGroup

from pedigree.cli._audit_reading import connect, require_no_service
from pedigree.cli._input import JsonFlag
from pedigree.cli._output import respond
from pedigree.cli._session import open_registry
from pedigree.cli.database import migrated_as_owner, store_of
from pedigree.cli.lineage import export_lineage

if TYPE_CHECKING:
    from typer._click import Command, Context

    from pedigree.transfer.folder_layout import FolderManifest
    from pedigree.transfer.mlflow_api import MlflowLogin
    from pedigree.transfer.report import TransferReport


FilterOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--filter", metavar="GLOB", help="Only models of such names; repeatable."),
]


FolderArgument: TypeAlias = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="The folder.", show_default=False)
]


class FolderGroup(TyperGroup):
    """A group whose words that are no command are those of ``registry``: ``export FOLDER``."""

    def resolve_command(
        self, ctx: "Context", args: list[str]
    ) -> "tuple[str | None, Command | None, list[str]]":
        """Return the command that the words name, and its own words."""
        named = args if args[0] in self.commands else ["registry", *args]
        return super().resolve_command(ctx, named)


def add_to(app: typer.Typer) -> None:
    """Add this group's commands."""
    sending = typer.Typer(
        cls=FolderGroup,
        help="Write this registry to a folder, to MLflow, or a lineage for other tools.",
        no_args_is_help=True,
    )
    sending.command("registry")(export_folder)
    sending.command("lineage")(export_lineage)
    sending.command("mlflow")(export_mlflow)
    app.add_typer(sending, name="export", rich_help_panel="Operate")
    bringing = typer.Typer(
        cls=FolderGroup,
        help="Bring in a registry from a folder or from MLflow.",
        no_args_is_help=True,
    )
    bringing.command("registry")(import_folder)
    bringing.command("mlflow")(import_mlflow)
    app.add_typer(bringing, name="import", rich_help_panel="Operate")


def export_folder(folder: FolderArgument, as_json: JsonFlag = False) -> None:
    """Write the whole registry, its log and all bytes to a folder.

    It has the names of people and the hashes of tokens: keep it as you keep the database. A further
    export into it copies only new bytes.
    """
    from pedigree.transfer.registry_export import export_registry

    with connect() as registry:
        manifest = export_registry(registry, folder)
    _respond_manifest(manifest, folder, "has", as_json)


def import_folder(folder: FolderArgument, as_json: JsonFlag = False) -> None:
    """Bring a whole registry from a folder into this one, which must be new.

    It acts as the owner of the schema (PEDIGREE_DATABASE_OWNER_URL).
    """
    from pedigree.registry import Registry
    from pedigree.settings import Settings
    from pedigree.transfer.registry_import import import_registry

    require_no_service()
    settings = Settings()
    with migrated_as_owner(settings) as (database, _):
        manifest = import_registry(Registry(database, store_of(settings), settings), folder)
    _respond_manifest(manifest, folder, "brought", as_json)


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
        report = export_to(registry, destination, WantedModels.of(only))
    _respond_report(report, as_json)


def import_mlflow(
    uri: Annotated[
        str,
        typer.Argument(
            metavar="URI",
            help="The MLflow server or its database: http(s)://, postgresql://, mysql+pymysql://,"
            " sqlite:///.",
            show_default=False,
        ),
    ],
    registry: Annotated[
        str | None,
        typer.Option("--registry", metavar="URI", help="Where the registry is, if not at URI."),
    ] = None,
    only: FilterOption = None,
    rename: Annotated[
        Path | None,
        typer.Option("--rename", metavar="FILE", help="YAML: names of MLflow and the names here."),
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option("--policy", metavar="FILE", help="The policy of new models, as YAML."),
    ] = None,
    by_reference: Annotated[
        list[str] | None,
        typer.Option(
            "--by-reference", metavar="GLOB", help="Leave the bytes of such models where they are."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Report what an import would do; write nothing.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Bring in the models of an MLflow registry; the exit code is 1 if anything was left.

    Credentials of a server are MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and
    MLFLOW_TRACKING_PASSWORD.
    """
    from pedigree.lifecycle.policy import open_policy
    from pedigree.lifecycle.policy_yaml import load_policy
    from pedigree.transfer.importing import ImportOptions, MlflowImport
    from pedigree.transfer.naming import read_renames, require_texts
    from pedigree.transfer.opening import open_artifacts, open_origin
    from pedigree.transfer.planning import WantedModels, plan
    from pedigree.transfer.preparing import VersionPreparer

    wanted = WantedModels.of(only, read_renames(rename) if rename else None)
    rules = load_policy(policy) if policy else open_policy()
    require_texts("--by-reference", by_reference or ())
    options = ImportOptions(wanted, rules, tuple(by_reference or ()))
    login = _login()
    with open_origin(uri, registry, login) as origin:
        if dry_run:
            report = plan(origin, wanted, rules)
        else:
            with connect() as ours, open_artifacts(uri, login) as server:
                preparer = VersionPreparer(ours, origin, server)
                report = MlflowImport(ours, origin, preparer, options).run()
    _respond_report(report, as_json)


def _respond_manifest(manifest: "FolderManifest", folder: Path, verb: str, as_json: bool) -> None:
    models, versions = (manifest.tables[name] for name in ("registered_model", "model_version"))
    document = {
        **{"folder": str(folder), "models": models, "versions": versions},
        **{"events": manifest.events, "blobs": len(manifest.blobs)},
    }
    text = f"{folder} {verb} {models} models, {versions} versions and {manifest.events} events."
    respond(document, as_json, lambda: text)


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
