"""Time stamps of RFC 3161 on the anchors of a log."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from pedigree.audit.attesters import AttestedStore, Reach
from pedigree.audit.nodes import SQL
from pedigree.audit.verifier.export import REPLY
from pedigree.audit.verifier.hashes import UnverifiedLogError
from pedigree.audit.verifier.timestamps import (
    LARGEST_REPLY,
    TimeStamp,
    open_timestamp,
    request_of,
)
from pedigree.audit.witnesses import CLOCKS_DIFFER, TIMEOUT_S
from pedigree.errors import AttestationUnavailableError
from pedigree.libraries import library
from pedigree.postgres.database import Database
from pedigree.settings import redact_url

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_NONCE_BITS = 64
_OK = 200


class _ToStamp(NamedTuple):
    """A note whose time is to be stamped."""

    size: int
    note: str
    key: str
    """The key of the anchor in the store."""
    now: datetime


class TimestampClient:
    """One authority that stamps the times of a registry's log.

    Args:
        database: The registry's database.
        store: The registry's object store, which also keeps the replies.
        url: The authority.
        trusted: The certificates that certify authorities.
        reach: How it may be reached; without TLS too, since its replies are signed.
    """

    def __init__(
        self,
        database: Database,
        store: AttestedStore,
        url: str,
        trusted: Sequence["Certificate"],
        reach: Reach,
    ) -> None:
        self._database = database
        self._store = store
        self._url = url
        self._name = redact_url(url)
        self._trusted = trusted
        self._reach = reach

    @property
    def member(self) -> str:
        """Its name among the members of background work."""
        return f"time stamps of {self._name}"

    def is_due(self, interval: timedelta) -> bool:
        """Return whether it has not stamped the newest anchor, and nothing for an interval."""
        return self._next(interval) is not None

    def attest(self) -> int:
        """Let it stamp the newest anchor; return its size, or 0 if it did that already.

        Raises:
            AttestationUnavailableError: It gives no valid stamp in time.
            StoreUnavailableError: The store does not answer.
        """
        wanted = self._next(timedelta(0))
        if wanted is None:
            return 0
        nonce = secrets.randbits(_NONCE_BITS)
        reply = self._ask(request_of(wanted.note.encode(), nonce))
        stamp = self._opened(reply, wanted, nonce)
        self._keep(wanted, reply, stamp)
        return wanted.size

    def _next(self, interval: timedelta) -> _ToStamp | None:
        values = {"authority": self._name, "interval": interval}
        rows = self._database.fetch_all(SQL["anchor_to_stamp"], values)
        return _ToStamp(**rows[0]) if rows else None

    def _ask(self, request: bytes) -> bytes:
        fetching = library("pedigree.egress.fetch", extra="webhooks")
        try:
            status, body = fetching.post(
                self._url,
                request,
                content_type="application/timestamp-query",
                allowed=self._reach.networks,
                timeout_s=TIMEOUT_S,
                most_bytes=LARGEST_REPLY,
                ca_file=self._reach.ca_file,
                answers_are_signed=True,
            )
        except fetching.FetchFailedError as error:
            raise self._failed(str(error)) from None
        if status != _OK:
            raise self._failed(f"it answered with status {status}")
        return bytes(body)

    def _opened(self, reply: bytes, wanted: _ToStamp, nonce: int) -> TimeStamp:
        try:
            stamp = open_timestamp(reply, wanted.note.encode(), self._trusted, nonce)
        except UnverifiedLogError as error:
            raise self._failed(str(error)) from error
        if abs(stamp.at - wanted.now) > CLOCKS_DIFFER:
            raise self._failed("its clock differs from that of the database by several minutes")
        return stamp

    def _keep(self, wanted: _ToStamp, reply: bytes, stamp: TimeStamp) -> None:
        """Keep the reply in the store, and then in the database."""
        digest = hashlib.sha256(self._name.encode()).hexdigest()[:8]
        self._store.create(f"{wanted.key}.{digest}{REPLY}", reply)
        values = {
            "authority": self._name,
            "size": wanted.size,
            "reply": reply,
            "stamped_at": stamp.at,
        }
        self._database.transaction(
            lambda transaction: transaction.execute(SQL["add_log_timestamp"], values)
        )

    def _failed(self, problem: str) -> AttestationUnavailableError:
        return AttestationUnavailableError(
            f"the authority {self._name} gave no time stamp: {problem}"
        )
