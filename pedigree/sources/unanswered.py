"""Creations whose answer may not have reached the client.

Clients of MLflow up to 3.17 repeat each POST after a lost answer. A creation is noted in its own
transaction, as the answer of a request that may be repeated, and struck out when the server has
written the whole answer to the socket. The same creation that meets such a note is a repetition.
"""

import hashlib
import json
import time
from collections.abc import Mapping
from typing import NamedTuple

from pedigree.postgres.database import Database
from pedigree.sources.pending import SQL

# An answer that was written is struck out a moment later, perhaps by another process.
_STRUCK_WITHIN_S = 3.0
_LOOK_EVERY_S = 0.02


class CreationKey(NamedTuple):
    """What makes two creations the same."""

    principal: str
    key: str
    fingerprint: bytes

    @classmethod
    def of(cls, principal: str, stated: Mapping[str, object]) -> "CreationKey":
        """Return the key of a creation.

        Args:
            principal: Who sends it.
            stated: All that the client states of it, as JSON values.
        """
        text = json.dumps(stated, sort_keys=True, separators=(",", ":"))
        digest = hashlib.sha256(text.encode())
        return cls(principal, f"mlflow creation {digest.hexdigest()}", digest.digest())


def strike_out(database: Database, key: CreationKey) -> None:
    """Note that the client of a creation has its answer."""
    values = {"principal": key.principal, "key": key.key}
    database.transaction(lambda tx: tx.execute(SQL["strike_out_creation"], values))


def is_unanswered(database: Database, key: CreationKey) -> bool:
    """Return whether a creation that was found stays unanswered.

    Another process may have written its answer just now, and not struck it out yet.
    """
    values = {"principal": key.principal, "key": key.key}
    deadline = time.monotonic() + _STRUCK_WITHIN_S
    while database.fetch_all(SQL["is_unanswered"], values) == [{"noted": True}]:
        if time.monotonic() > deadline:
            return True
        time.sleep(_LOOK_EVERY_S)
    return False
