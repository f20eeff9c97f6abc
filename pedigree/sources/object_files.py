"""The files of a source in a store of objects, read with the credentials of the service."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from pedigree.artifacts.credentials import StoreCredentials
from pedigree.artifacts.objects import ObjectStore, open_store
from pedigree.errors import (
    CorruptionError,
    ObjectArchivedError,
    SourceUnavailableError,
    StoreUnavailableError,
)
from pedigree.sources.offered import OfferedFile
from pedigree.sources.uri import ObjectSource


def object_files(
    place: ObjectSource, credentials: StoreCredentials | None = None
) -> Iterator[OfferedFile]:
    """Yield the files below a prefix, or the object of that key.

    Args:
        place: The prefix, or the key.
        credentials: For S3 only; those of the environment when None.

    Raises:
        SourceUnavailableError: The store fails, or does not let the service in.
    """
    # The folder of the embedded parts is not used here: the URL is always given.
    with _failures():
        store = open_store(place.uri, Path(), credentials)
    found = False
    with _failures():
        for key, _ in store.sizes(""):
            found = True
            yield OfferedFile(key, partial(_chunks, store, key))
    if found:
        return
    above, _, name = place.uri.rpartition("/")
    with _failures():
        store = open_store(above, Path(), credentials)
        if store.size(name) is not None:
            yield OfferedFile(name, partial(_chunks, store, name))


def _chunks(store: ObjectStore, key: str) -> Iterator[bytes]:
    with _failures():
        yield from store.stream(key)


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except (StoreUnavailableError, CorruptionError, ObjectArchivedError) as error:
        raise SourceUnavailableError(error.message, remedy=error.remedy) from error
