"""The sealer: it extends the tree over the feed, and signs the size and the root that result.

Nothing is added to the transaction of a change. One process at a time leads, by an advisory lock of
a transaction, so that it works through a pooler; a sealer that is killed leaves nothing half-done.
"""

import logging
from collections.abc import Sequence
from typing import NamedTuple

from pedigree.audit import log
from pedigree.audit.key_history import follow, leads, origin_of
from pedigree.audit.log_keys import LogKeys, LogSigner
from pedigree.audit.log_records import LogCheckpoint
from pedigree.audit.nodes import SQL, nodes_of, read_ranges
from pedigree.audit.records import Actor
from pedigree.audit.tree import HEIGHT, Node, edge, new_blocks, new_tiles, root
from pedigree.audit.verifier.hashes import UnverifiedLogError
from pedigree.audit.verifier.notes import Checkpoint, LogKey, signature_line
from pedigree.errors import LogKeyError, LogTamperedError
from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Transaction

_LOG = logging.getLogger(__name__)

# The leaves of one transaction; a first seal of a large feed takes several.
_MOST_LEAVES = 1 << 18


class Seal(NamedTuple):
    """What one transaction sealed."""

    size: int = 0
    is_complete: bool = False
    """Whether no event waited when it began."""
    needs_keys: bool = False
    """Whether nothing was sealed, since other keys sign now than the log says."""


class Sealer:
    """Seals the events of a registry.

    Args:
        database: The registry's database.
        keys: The keys that sign.
        actor: The actor of the events about keys.
    """

    def __init__(self, database: Database, keys: LogKeys, actor: Actor) -> None:
        self._database = database
        self._keys = keys
        self._actor = actor

    def seal(self) -> int:
        """Seal all events; return how many checkpoints were signed.

        Raises:
            LogTamperedError: The tree is not the one that the newest checkpoint states; nothing is
                signed.
            LogKeyError: The keys cannot be used.
            UnavailableError: The database does not answer.
        """
        log.sequence(self._database)
        state = self._database.fetch_all(SQL["log_state"])[0]
        sealed, followed = 0, False
        is_done = state["head"] == state["size"]
        while not is_done and (seal := self._database.transaction(self._seal)) is not None:
            if seal.needs_keys:
                if followed or not self._database.transaction(self._follow_keys):
                    break
                followed = True
                log.sequence(self._database)  # the events of the keys are in the first checkpoint
                continue
            sealed, is_done = sealed + 1, seal.is_complete
            _LOG.debug("sealed %d events", seal.size, extra={"action": "log.sealed"})
        return sealed

    def _follow_keys(self, transaction: Transaction) -> bool:
        """Note in the log which keys sign now; False if another process leads, or none signs."""
        if not leads(transaction):
            return False
        public = {signer.public for signer in self._keys.signers(transaction)}
        follow(transaction, public, self._actor)
        return bool(public)

    def _seal(self, transaction: Transaction) -> Seal | None:
        """Seal events in one transaction; None if there are none, or another process does."""
        if not leads(transaction):
            return None
        signers = self._keys.signers(transaction)
        state = transaction.execute(SQL["log_state"]).fetchone() or {}
        old, head = state["size"], state["head"]
        new = min(head, old + _MOST_LEAVES)
        public = {each.public for each in signers}
        if not public or {bytes(key) for key in state["keys"]} != public:
            return Seal(needs_keys=True)
        if new == old:
            return None
        blocks, newest = _grown(transaction, old, new, bytes(state["root"] or b""))
        checkpoint = Checkpoint(origin_of(state["registry_id"]), new, newest)
        _store(transaction, checkpoint, blocks, _signed(checkpoint, signers))
        return Seal(new, is_complete=new == head)


def _grown(
    transaction: Transaction, old: int, new: int, sealed: bytes
) -> tuple[dict[Node, bytes], bytes]:
    """Return the blocks that the tree gains, and its new root.

    Raises:
        LogTamperedError: A hash is missing, or the old root is not the one that was sealed.
    """
    edges, tiles = list(edge(old)), list(new_tiles(old, new))
    found = read_ranges(transaction, {*edges, *tiles})
    known = {node: each for one in edges for node, each in nodes_of(one, found[one])}
    if old and root(known, old) != sealed:
        raise _tampered(old)
    full = {(1, one.start >> HEIGHT): found[one] for one in tiles}
    blocks = new_blocks(known, full, old, new)
    return blocks, root({**known, **blocks, **dict(nodes_of(tiles[-1], found[tiles[-1]]))}, new)


def checkpoint_over(transaction: Transaction, seq: int = 0) -> LogCheckpoint | None:
    """Return the newest checkpoint if it covers an event; None if there is none yet."""
    row = transaction.execute(SQL["log_checkpoint"], {"seq": seq}).fetchone()
    return LogCheckpoint.of(row) if row else None


def _signed(checkpoint: Checkpoint, signers: Sequence[LogSigner]) -> str:
    text = checkpoint.text()
    lines = (_line(LogKey(checkpoint.origin, signer.public), signer, text) for signer in signers)
    return f"{text}\n{''.join(lines)}"


def _line(key: LogKey, signer: LogSigner, text: str) -> str:
    signature = signer.sign(text.encode())
    try:
        key.verify(signature, text)  # a key service may answer with that of another key
    except UnverifiedLogError as error:
        raise LogKeyError(
            "the signature is not one of the key, so nothing is signed",
            field="key",
            value=str(key),
            remedy="Check which key the key service, or the proxy before it, signs with",
        ) from error
    return signature_line(key, signature)


def _store(
    transaction: Transaction, checkpoint: Checkpoint, blocks: dict[Node, bytes], note: str
) -> None:
    values = {
        "levels": [level for level, _ in blocks],
        "indexes": [index for _, index in blocks],
        "hashes": list(blocks.values()),
        "size": checkpoint.size,
        "root": checkpoint.root,
        "note": note,
    }
    transaction.execute(SQL["add_checkpoint"], values)


def _tampered(size: int) -> LogTamperedError:
    return LogTamperedError(
        f"the audit log has another root at {size} events than its checkpoint states, so no"
        " further one is signed",
        remedy="Run `pedigree audit verify`, and compare with a backup",
    )
