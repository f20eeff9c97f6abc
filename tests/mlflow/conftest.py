"""A running service for tests of the door for MLflow, which takes sources in S3 by reference."""

from collections.abc import Iterator

import pytest

from pedigree.settings import Settings
from tests.databases import Databases
from tests.server.conftest import name, served, version

__all__ = ["name", "served", "version"]


@pytest.fixture(scope="module")
def settings(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The settings of the module's service, over a database of its own."""
    with databases.lend() as make:
        yield Settings(
            home=tmp_path_factory.mktemp("served") / "home",
            database_url=make(),
            actor="tester",
            mlflow_sources="s3://=reference",  # type: ignore[arg-type] -- as in the environment
        )
