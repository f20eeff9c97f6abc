"""Open the registry that the environment names."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pedigree.contract.registry import RegistryContract

SERVICE: ContextVar[str | None] = ContextVar("SERVICE", default=None)
"""The URL of the service that the command line or the environment names."""


@contextmanager
def open_registry(*, in_process: bool = False) -> "Iterator[RegistryContract]":
    """Connect as ``--url`` and ``PEDIGREE_*`` say, else to the embedded registry; close it then.

    Args:
        in_process: A service will not do.

    Raises:
        MissingDependencyError: Only the client's wheel is installed, and there is no service.
        UnavailableError: The service, the database or the store does not answer.
    """
    from pedigree.client.connect import connect
    from pedigree.settings import Settings

    service = None if in_process else SERVICE.get()
    settings = Settings().model_copy(update={"api_url": service})
    with connect(settings=settings) as registry:
        yield registry
