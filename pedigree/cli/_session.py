"""Open the registry that the environment names."""

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
    from pedigree.client.connect import connect
    from pedigree.settings import Settings

    settings = Settings().model_copy(update={"api_url": SERVICE.get()})
    with connect(settings=settings) as registry:
        yield registry
