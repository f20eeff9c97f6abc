"""Environments: an instance in memory or on Postgres, with its own registry."""

import logging
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from tests.dagster.capture.random_graphs.environment import Environment, in_memory


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Silence the logs: thousands of events would hide the output of a failing case."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def environment(resources: dict[str, object], tmp_path: Path) -> Iterator[Environment]:
    """An environment with an instance in memory."""
    with in_memory(tmp_path) as instance:
        yield Environment(instance, resources["registry"], tmp_path)


@pytest.fixture
def postgres_environment(
    instance: dg.DagsterInstance, resources: dict[str, object], tmp_path: Path
) -> Environment:
    """An environment with an instance in Postgres."""
    return Environment(instance, resources["registry"], tmp_path)
