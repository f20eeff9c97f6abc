"""Imports one model of an MLflow server, in a process that tests kill."""

import sys
from pathlib import Path

from pedigree.artifacts.objects import open_store
from pedigree.lifecycle.policy import open_policy
from pedigree.postgres import Database
from pedigree.registry import Registry
from pedigree.settings import Settings
from pedigree.transfer.importing import ImportOptions, MlflowImport
from pedigree.transfer.mlflow_api import MlflowLogin
from pedigree.transfer.opening import open_artifacts, open_origin
from pedigree.transfer.planning import WantedModels
from pedigree.transfer.preparing import VersionPreparer


def main(database_url: str, home: str, mlflow: str, pattern: str) -> None:
    """Run an import to its end."""
    settings = Settings(home=Path(home), actor="tester")
    with (
        Database.connect(database_url) as database,
        open_origin(mlflow, None, MlflowLogin()) as origin,
        open_artifacts(mlflow, MlflowLogin()) as server,
    ):
        registry = Registry(database, open_store(None, Path(home)), settings)
        options = ImportOptions(WantedModels((pattern,)), open_policy())
        MlflowImport(registry, origin, VersionPreparer(registry, origin, server), options).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
