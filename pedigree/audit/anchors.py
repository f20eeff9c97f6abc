"""Anchors: checkpoints in the object store, which the owner of the database need not control."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Protocol

from pedigree.audit.log_records import LogAnchor
from pedigree.audit.nodes import SQL
from pedigree.audit.verifier.export import paired_reply
from pedigree.audit.verifier.hashes import UnverifiedLogError
from pedigree.audit.verifier.log import SignedNote
from pedigree.audit.verifier.notes import read_checkpoint
from pedigree.errors import CorruptionError, LogTamperedError, StoreUnavailableError
from pedigree.postgres.database import Database

ANCHORS = "log/"
"""The prefix of the keys of all anchors."""
_LARGEST_NOTE = 1 << 20


class AnchorStore(Protocol):
    """The part of an object store that anchors need."""

    @property
    def url(self) -> str:
        """The URL of the store, without secrets."""

    def create(self, key: str, content: bytes) -> bool:
        """Put some bytes under a key that has no object; False if it has one."""

    def stream(self, key: str, *, start: int = 0) -> Iterator[bytes]:
        """Yield an object's bytes in chunks."""

    def sizes(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield the key and the size of each object below a prefix."""


class Anchors:
    """The anchors of a registry's log.

    Args:
        database: The registry's database.
        store: The registry's object store.
    """

    def __init__(self, database: Database, store: AnchorStore) -> None:
        self._database = database
        self._store = store

    def anchor(self, *, interval: timedelta = timedelta(0)) -> int:
        """Anchor the newest checkpoint, and return its size; 0 if nothing is due.

        Args:
            interval: The least time between two anchors.

        Raises:
            LogTamperedError: The store has another checkpoint of this size, or does not return what
                was written.
            StoreUnavailableError: The store does not answer.
        """
        rows = self._database.fetch_all(SQL["checkpoint_to_anchor"], {"interval": interval})
        if not rows:
            return 0
        size, note = int(rows[0]["size"]), str(rows[0]["note"])
        key = f"{ANCHORS}{rows[0]['registry_id']}/{size:020}"
        self._store.create(key, note.encode())
        if not _is_same(self._read(key).decode("utf-8", "replace"), note):
            raise LogTamperedError(
                f"the object {key} of the store {self._store.url} has another checkpoint than the"
                " database",
                remedy="Run `pedigree audit verify`; after a restore of an old backup, keep both"
                " and begin a new registry",
            )
        self._database.transaction(
            lambda transaction: transaction.execute(
                SQL["add_log_anchor"], {"size": size, "key": key}
            )
        )
        return size

    def newest(self) -> LogAnchor | None:
        """Return the newest anchor; None if there is none yet."""
        rows = self._database.fetch_all(SQL["newest_log_anchor"])
        return LogAnchor(**rows[0]) if rows else None

    def notes(self, *, must_list: bool = True) -> Iterator[SignedNote]:
        """Yield the anchors of the store, and those that the store should have.

        Args:
            must_list: Fail if the store lists nothing; else only the anchors that the database
                names are read from such a store.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        registry_id = self._database.fetch_all(SQL["log_state"])[0]["registry_id"]
        known = {row["key"] for row in self._database.fetch_all(SQL["log_anchors"])}
        listed = self._listed(f"{ANCHORS}{registry_id}/", must_list)
        for key in sorted(known | listed.keys()):
            of = paired_reply(key)
            content = self._read(key) if listed.get(key, 0) <= _LARGEST_NOTE else b""
            note = content if of is None else self._read(of)
            lacks = "" if content or key in listed else ", which the store lacks"
            yield SignedNote(
                note.decode("utf-8", "replace"),
                f"anchor {key}{lacks}",
                is_anchor=True,
                reply=None if of is None else content,
            )

    def _listed(self, prefix: str, must_list: bool) -> dict[str, int]:
        try:
            return dict(self._store.sizes(prefix))
        except StoreUnavailableError:
            if must_list:
                raise
            return {}

    def _read(self, key: str) -> bytes:
        try:
            return b"".join(self._store.stream(key))
        except CorruptionError:
            return b""  # it is not there, although it was created or listed


def _is_same(kept: str, note: str) -> bool:
    """Return whether two notes state the same checkpoint; their signatures may differ."""
    try:
        return read_checkpoint(kept) == read_checkpoint(note)
    except UnverifiedLogError:
        return False
