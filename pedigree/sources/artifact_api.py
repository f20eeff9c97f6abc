"""MLflow's API of artifacts as a client reads it: folders as lists of names, files as bytes."""

from collections.abc import Iterator
from functools import partial
from typing import Any, Protocol

from pedigree.artifacts.path_rules import MOST_PARTS, too_deep
from pedigree.errors import InvalidSourceError
from pedigree.sources import refusals
from pedigree.sources.offered import FetchBudget, OfferedFile
from pedigree.untrusted.documents import DocumentError, parsed_json

ROUTE = "/api/2.0/mlflow-artifacts/artifacts"
"""The route below which a server of MLflow has its artifacts."""

LARGEST_LIST = 16 << 20
"""The most bytes of a list, some hundred thousand names."""


class ArtifactReader(Protocol):
    """How one server is asked. Both methods raise :class:`SourceUnavailableError`."""

    def listed(self, path: str) -> bytes:
        """Return the JSON of the list of a folder."""

    def chunks(self, path: str) -> Iterator[bytes]:
        """Yield the bytes of a file."""


def artifact_files(reader: ArtifactReader, path: str, budget: FetchBudget) -> Iterator[OfferedFile]:
    """Yield the files of a folder, or the file that the path names.

    Args:
        reader: The server.
        path: The path below the root of its artifacts, decoded.
        budget: Counts the folders too, so that a server cannot make the walk endless.

    Raises:
        InvalidSourceError: A list has another form than MLflow's.
        InvalidArtifactError: Folders nest too deep.
    """
    found = False
    for file in _walk(reader, path, "", budget):
        found = True
        yield file
    if not found:
        name = path.rpartition("/")[2]
        yield OfferedFile(name, partial(reader.chunks, path))


def _walk(
    reader: ArtifactReader, root: str, prefix: str, budget: FetchBudget
) -> Iterator[OfferedFile]:
    if prefix.count("/") >= MOST_PARTS:
        raise too_deep(prefix)
    budget.take_file()
    for name, is_folder in _entries(budget.source, reader.listed(f"{root}/{prefix}".rstrip("/"))):
        path = f"{prefix}{name}"
        if is_folder:
            yield from _walk(reader, root, f"{path}/", budget)
        else:
            yield OfferedFile(path, partial(reader.chunks, f"{root}/{path}"))


def _entries(source: str, content: bytes) -> list[tuple[str, bool]]:
    """Return the names in a list, and which of them are folders."""
    try:
        listed: Any = parsed_json(content)
        found = listed.get("files") or []
        entries = [(each["path"], each.get("is_dir", False)) for each in found]
    except (DocumentError, AttributeError, TypeError, KeyError) as error:
        raise _no_list(source) from error
    for name, is_folder in entries:
        # A name with a separator would be asked for elsewhere than the list says.
        is_name = isinstance(name, str) and name not in {"", ".", ".."} and "/" not in name
        if not is_name or not isinstance(is_folder, bool):
            raise _no_list(source)
    return entries


def _no_list(source: str) -> InvalidSourceError:
    return refusals.refused(source, "Its server answered with no list of artifacts")
