"""Fixtures of sources: real servers of objects, of files and of runs."""

from collections.abc import Iterator

import pytest

from tests.artifacts.conftest import server_credentials, servers
from tests.mlflow.sides import MISSING
from tests.sources.tracking import PYTHON, Tracking, tracking

__all__ = ["server_credentials", "servers"]


@pytest.fixture(scope="session")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracking]:
    """A tracking server of MLflow with a run, or a skipped test with the cause."""
    if not PYTHON.exists():
        pytest.skip(MISSING)
    with tracking(tmp_path_factory.mktemp("tracking")) as running:
        yield running
