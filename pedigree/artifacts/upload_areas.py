"""Upload areas: files that a principal puts by their paths, before a version is made of them.

An area is an upload session of no model. Its bytes are kept while it is used, and are collected
with it, unless a version was made of them.
"""

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID, uuid4

from pedigree.artifacts.path_rules import LONGEST_NAME, check_path
from pedigree.artifacts.records import Blob, ManifestFile
from pedigree.artifacts.sessions import LEASE
from pedigree.artifacts.store import SQL
from pedigree.errors import InvalidArtifactError, TooLargeError
from pedigree.postgres.transaction import Transaction

MOST_AREA_FILES = 10_000
"""The most files of an area, as of a version."""

# The session of an area is of this model, which no model can be called.
_NO_MODEL = ""


class UploadArea(NamedTuple):
    """An area of a principal, whether it exists or not."""

    principal: str
    name: str

    @classmethod
    def of(cls, principal: str, name: str) -> "UploadArea":
        """Return an area.

        Raises:
            InvalidArtifactError: It cannot have that name.
        """
        if "/" in check_path(name) or len(name.encode()) > LONGEST_NAME:
            raise InvalidArtifactError(
                "is not one part of a path", field="path", value=name, remedy="Choose a plain name"
            )
        return cls(principal, name)


class StoredEntry(NamedTuple):
    """A file or a folder, as a list of a folder shows it."""

    name: str
    size: int | None
    """Bytes; None of a folder."""


def children(files: Iterable[ManifestFile], folder: str) -> tuple[StoredEntry, ...]:
    """Return what is directly in a folder of an artifact, by name; empty if there is no folder.

    >>> files = [ManifestFile(path="a/b", size=1, digest="sha256:" + "0" * 64)]
    >>> children(files, ""), children(files, "a")
    ((StoredEntry(name='a', size=None),), (StoredEntry(name='b', size=1),))
    """
    start = f"{folder}/" if folder else ""
    found: dict[str, int | None] = {}
    for file in files:
        if file.path.startswith(start):
            name, separator, _ = file.path.removeprefix(start).partition("/")
            found[name] = None if separator else file.size
    return tuple(StoredEntry(name, found[name]) for name in sorted(found))


def keep_area(transaction: Transaction, area: UploadArea) -> UUID:
    """Return the session of an area, which begins if there is none, and extend it."""
    values = {**area._asdict(), "lease": LEASE}
    if kept := transaction.execute(SQL["keep_area"], values).fetchone():
        return UUID(str(kept["upload_id"]))
    transaction.execute(SQL["lock_area_name"], values)
    if kept := transaction.execute(SQL["keep_area"], values).fetchone():
        return UUID(str(kept["upload_id"]))  # another transaction began it
    transaction.execute(SQL["end_old_area"], values)
    upload_id = uuid4()
    session = {"upload_id": upload_id, "model": _NO_MODEL, "digests": [], "sizes": []}
    transaction.execute(SQL["begin_session"], {**session, "lease": LEASE})
    transaction.execute(SQL["begin_area"], {**values, "upload_id": upload_id})
    return upload_id


def note_file(transaction: Transaction, area: UploadArea, path: str, blob: Blob) -> None:
    """Record that the file at a path of an area has some bytes, which are live.

    Raises:
        TooLargeError: The area has as many files as it may have.
    """
    values = {"upload_id": keep_area(transaction, area), "path": path, **blob._asdict()}
    others = transaction.execute(SQL["area_size"], values).fetchone()
    if others is not None and others["files"] >= MOST_AREA_FILES:
        raise TooLargeError(
            f"an upload has {MOST_AREA_FILES:,} files at most",
            field="path",
            value=path,
            remedy="Put fewer files into a version",
        )
    transaction.execute(SQL["note_area_bytes"], values)
    transaction.execute(SQL["note_area_file"], values)
    transaction.execute(SQL["forget_area_bytes"], values)


def area_files(transaction: Transaction, area: UploadArea) -> tuple[ManifestFile, ...]:
    """Return the files of an area, by path; none if there is no such area."""
    rows = transaction.execute(SQL["area_files"], area._asdict()).fetchall()
    return tuple(ManifestFile(**row) for row in rows)


def remove_files(transaction: Transaction, area: UploadArea, path: str) -> int:
    """Remove the file at a path of an area, or those below it; all of them if it is empty.

    Returns:
        How many they were.
    """
    values = {"upload_id": keep_area(transaction, area), "path": path}
    removed = transaction.execute(SQL["remove_area_files"], values).fetchall()
    transaction.execute(SQL["forget_area_bytes"], values)
    return len(removed)
