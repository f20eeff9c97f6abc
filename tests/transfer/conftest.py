"""A server of MLflow that tests of a module share, and registries to bring its models into."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import cli, registry_of_this_test
from tests.transfer.mlflow import Mlflow, running

__all__ = ["cli", "mlflow", "registry_of_this_test"]


@pytest.fixture(scope="session")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mlflow]:
    folder: Path = tmp_path_factory.mktemp("mlflow")
    with running(folder, f"sqlite:///{folder}/mlflow.db") as server:
        yield server
