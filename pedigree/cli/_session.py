"""Open the registry that the environment names."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pedigree.contract.registry import RegistryContract

SERVICE: ContextVar[str | None] = ContextVar("SERVICE", default=None)
"""The URL of the service, from the command line or the environment."""


@contextmanager
def open_registry() -> "Iterator[RegistryContract]":
    """Connect as ``--url`` and ``PEDIGREE_*`` state, else to the embedded registry; close it last.

    Raises:
        MissingDependencyError: Only the client's wheel is installed, and no service is named.
        UnavailableError: The service, the database or the store does not answer.
    """
    with _without_collection():
        from pedigree.client.connect import connect
        from pedigree.settings import Settings

        settings = Settings().model_copy(update={"api_url": SERVICE.get()})
        opened = connect(settings=settings)
    with opened as registry:
        yield registry


@contextmanager
def _without_collection() -> Iterator[None]:
    """Stop garbage collection while modules are loaded: it would take a sixth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
