"""This deployment's own definitions, with an empty registry and Dagster instance."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from definitions import compose
from demo.session import Session
from pedigree.registry import Registry
from resources import for_tests
from tests.dagster.conftest import dagster_url, instance, worker_instance

__all__ = ["dagster_url", "instance", "worker_instance"]


@pytest.fixture
def session(
    instance: dg.DagsterInstance,
    database_url: str,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Session]:
    """Runs, ticks and conditions without a daemon."""
    monkeypatch.setenv("PEDIGREE_HOME", str(home))
    monkeypatch.setenv("PEDIGREE_ACTOR", "tester")
    monkeypatch.setenv("PEDIGREE_GIT_COMMIT", "0123456789abcdef")
    store = (home / "store").as_uri()
    with Registry.connect(database_url, store) as registry:
        yield Session(compose(for_tests(database_url, home)), instance, registry)
