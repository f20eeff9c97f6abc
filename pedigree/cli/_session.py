"""Open the registry that the environment names."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pedigree.registry import Registry


@contextmanager
def open_registry() -> "Iterator[Registry]":
    """Connect as ``PEDIGREE_*`` say, else to the embedded registry; close it afterwards.

    Raises:
        MissingDependencyError: Only the client's wheel is installed.
        UnavailableError: The database or the store does not answer.
    """
    from pedigree.errors import MissingDependencyError

    try:
        from pedigree.registry import Registry
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"the registry needs the package {error.name}, which is not installed",
            remedy="Install pedigree[registry], or pedigree[embedded] with a Postgres of its own",
        ) from error
    with Registry.connect() as registry:
        yield registry
