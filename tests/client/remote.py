"""The fixtures of `test_same_behaviour.py` where the client's wheel alone is installed.

A plugin for pytest that :mod:`tests.client.matrix` loads instead of any conftest. The service is
another process, of another environment, at ``PEDIGREE_API_URL`` and with ``PEDIGREE_TOKEN``.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from uuid import uuid4

import pytest

import pedigree
from pedigree.client.remote import ServiceRegistry
from pedigree.settings import Settings

# The tests name the type of a registry in this process, which here cannot even be imported.
_STAND_IN = ModuleType("pedigree.registry")
_STAND_IN.Registry = ServiceRegistry  # type: ignore[attr-defined]
sys.modules["pedigree.registry"] = _STAND_IN


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[ServiceRegistry]:
    """The registry of the service."""
    settings = Settings().model_copy(update={"home": tmp_path / "client"})
    with pedigree.connect(settings=settings) as registry:
        yield registry  # type: ignore[misc]


@pytest.fixture
def name() -> str:
    """A model's name that no other test uses."""
    return f"churn-{uuid4().hex[:8]}"
