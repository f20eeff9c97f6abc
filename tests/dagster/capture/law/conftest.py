"""Laboratories: an instance in memory, or one on Postgres, with a registry of its own."""

import logging
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from tests.dagster.capture.law.laboratory import Laboratory, in_memory


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Thousands of events of hundreds of runs would bury what a failing case prints."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def laboratory(resources: dict[str, object], tmp_path: Path) -> Iterator[Laboratory]:
    """A laboratory whose instance lives in memory."""
    with in_memory(tmp_path) as instance:
        yield Laboratory(instance, resources["registry"], tmp_path)


@pytest.fixture
def postgres_laboratory(
    instance: dg.DagsterInstance, resources: dict[str, object], tmp_path: Path
) -> Laboratory:
    """A laboratory whose instance lives in Postgres."""
    return Laboratory(instance, resources["registry"], tmp_path)
