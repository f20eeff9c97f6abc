"""Keys for small objects: a process announces a block of them once, before it writes the first.

An announced key costs no transaction of its own. The row of the block stays while the process uses
it, and its lease is renewed. What is not live when the block is given up becomes an orphan: by the
process itself, or by a collection once the lease has expired.
"""

import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID, uuid4
from weakref import WeakKeyDictionary

from pedigree.artifacts.objects import block_key
from pedigree.artifacts.store import SQL, StoredBlob, renew_lease, some_blobs
from pedigree.artifacts.sweep import give_up_blocks
from pedigree.errors import UnavailableError
from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Transaction

# The lease outlives any pause between a key's use and the transaction that makes its object live.
_LEASE = timedelta(hours=1)
_RENEW_AFTER_S = 1200.0
# A process that registers one version needs few keys, one that registers many gets larger blocks.
_SMALLEST, _LARGEST, _GROWTH = 8, 256, 4
# A block without free keys is given up after this time: its objects are live, or never will be.
_FINISHED_S = 600.0


class TakenKeys(NamedTuple):
    """Keys of one block, which nobody else has."""

    block_id: UUID
    keys: tuple[str, ...]
    known: tuple[StoredBlob, ...]
    """A few blobs that the store must have; none if there was no live blob at all."""


@dataclass
class _Block:
    """A block, and how many of its keys were taken."""

    block_id: UUID
    size: int
    renewed: float
    known: tuple[StoredBlob, ...]
    taken: int = 0

    def take(self, number: int) -> TakenKeys:
        first, self.taken = self.taken, self.taken + number
        keys = tuple(block_key(self.block_id, each) for each in range(first, self.taken))
        return TakenKeys(self.block_id, keys, self.known)


class UploadKeys:
    """The announced keys of this process in one database; threads may share it."""

    def __init__(self, database: Database) -> None:
        self.pid = os.getpid()
        self._database = database
        self._lock = threading.Lock()
        self._block: _Block | None = None
        self._finished: list[_Block] = []
        self._size = _SMALLEST

    def take(self, number: int) -> TakenKeys:
        """Return keys that were announced before anything is written under them.

        Raises:
            UnavailableError: The database does not answer.
        """
        with self._lock:
            block = self._block
            if block is None or block.size - block.taken < number or not self._is_kept(block):
                block = self._announce(number)
            if not block.known:  # the registry was empty when the block was announced
                block.known = self._database.read(some_blobs)
            return block.take(number)

    def drop(self, block_id: UUID) -> None:
        """Take no more keys of a block, which may have been collected."""
        with self._lock:
            if self._block is not None and self._block.block_id == block_id:
                self._finish(self._block)

    def give_up(self) -> None:
        """Give up all blocks; objects under their keys that are not live become orphans.

        If the database does not answer, their leases expire and a collection does it.
        """
        with self._lock:
            blocks = [*self._finished, *([self._block] if self._block else [])]
            self._block, self._finished = None, []
        if blocks:
            with suppress(UnavailableError):
                self._database.transaction(lambda transaction: _give_up(transaction, blocks))

    def _is_kept(self, block: _Block) -> bool:
        """Return whether the row of a block is still there, and renew its lease if it is due."""
        now = time.monotonic()
        if now - block.renewed < _RENEW_AFTER_S:
            return True
        kept = self._database.transaction(lambda tx: renew_lease(tx, block.block_id, _LEASE))
        block.renewed = now
        return kept

    def _announce(self, number: int) -> _Block:
        now = time.monotonic()
        size = max(self._size, number)
        new = _Block(uuid4(), size, now, ())
        old = [each for each in self._finished if now - each.renewed > _FINISHED_S]

        def announce(transaction: Transaction) -> tuple[StoredBlob, ...]:
            values = {"upload_id": new.block_id, "keys": size, "lease": _LEASE}
            transaction.execute(SQL["open_block"], values)
            _give_up(transaction, old)
            return some_blobs(transaction)

        new.known = self._database.transaction(announce)
        self._finished = [each for each in self._finished if each not in old]
        if self._block is not None:
            self._finish(self._block)
        self._block, self._size = new, min(_LARGEST, self._size * _GROWTH)
        return new

    def _finish(self, block: _Block) -> None:
        block.renewed = time.monotonic()
        self._finished.append(block)
        self._block = None


_KEYS: WeakKeyDictionary[Database, UploadKeys] = WeakKeyDictionary()
_GUARD = threading.Lock()


def upload_keys(database: Database) -> UploadKeys:
    """Return the announced keys of this process in a database; a forked process has its own.

    They belong to the process, not to the principal that it acts for.
    """
    database = database.connected
    found = _KEYS.get(database)
    if found is not None and found.pid == os.getpid():
        return found
    with _GUARD:
        found = _KEYS.get(database)
        if found is None or found.pid != os.getpid():
            found = _KEYS[database] = UploadKeys(database)
        return found


def give_up_keys(database: Database) -> None:
    """Give up the announced keys of this process in a database, if there are any."""
    found = _KEYS.get(database.connected)
    if found is not None and found.pid == os.getpid():
        found.give_up()


def _give_up(transaction: Transaction, blocks: list[_Block]) -> None:
    # Nothing was written under the keys that nobody took.
    give_up_blocks(transaction, {each.block_id: each.taken for each in blocks})
