"""Cosignatures of witnesses (https://c2sp.org/tlog-witness) on the anchors of a log."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from urllib.parse import urljoin

from pedigree.audit.attesters import AttestedStore, Reach
from pedigree.audit.nodes import SQL
from pedigree.audit.proofs import prove_consistency
from pedigree.audit.verifier.cosignatures import Cosignature, open_cosignatures
from pedigree.audit.verifier.hashes import UnverifiedLogError
from pedigree.audit.verifier.notes import read_checkpoint, read_decimal
from pedigree.audit.verifier.policies import KnownWitness
from pedigree.errors import AttestationUnavailableError, LogTamperedError
from pedigree.libraries import library
from pedigree.postgres.database import Database

TIMEOUT_S = 10.0
"""The limit for one request to an attester."""
CLOCKS_DIFFER = timedelta(minutes=5)
"""How much the clock of an attester may differ from that of the database."""
# The cosignatures of a witness with several keys are far smaller.
_LARGEST_ANSWER = 16 << 10
_OK, _CONFLICT = 200, 409
_PATH = "add-checkpoint"


class _Asked(NamedTuple):
    """A checkpoint that is shown to a witness."""

    size: int
    note: str
    key: str
    """The key of the anchor in the store."""
    sealed_at: datetime
    now: datetime
    known: int
    """The size that the witness is known to have cosigned."""
    known_at: datetime | None


class WitnessClient:
    """One witness of a registry's log.

    Args:
        database: The registry's database.
        store: The registry's object store, which also keeps the cosigned notes.
        witness: The witness; it has a URL.
        reach: How it may be reached.
    """

    def __init__(
        self, database: Database, store: AttestedStore, witness: KnownWitness, reach: Reach
    ) -> None:
        self._database = database
        self._store = store
        self._witness = witness
        self._reach = reach

    @property
    def member(self) -> str:
        """Its name among the members of background work."""
        return f"witness {self._witness.name}"

    def is_due(self, interval: timedelta) -> bool:
        """Return whether it has not cosigned the newest anchor, and nothing for an interval."""
        return self._next(interval) is not None

    def attest(self) -> int:
        """Let it cosign the newest anchor; return its size, or 0 if it did that already.

        Raises:
            AttestationUnavailableError: It gives no valid cosignature in time.
            LogTamperedError: It says that the log had more events, or other ones.
            StoreUnavailableError: The store does not answer.
        """
        wanted = self._next(timedelta(0))
        if wanted is None:
            return 0
        found = self._accepted(wanted, self._ask(wanted))
        self._keep(wanted, found)
        return wanted.size

    def _next(self, interval: timedelta) -> _Asked | None:
        values = {"public_key": self._witness.key.public, "interval": interval}
        rows = self._database.fetch_all(SQL["anchor_to_cosign"], values)
        return _Asked(**rows[0]) if rows else None

    def _ask(self, wanted: _Asked) -> str:
        status, text = self._post(wanted, wanted.known)
        if status == _CONFLICT:
            known = self._known(text)
            if known > wanted.size:
                self._refuse_longer(known)
            status, text = self._post(wanted, known)
        if status != _OK:
            raise self._failed(f"it answered with status {status}", _REMEDIES.get(status))
        return text

    def _post(self, wanted: _Asked, old: int) -> tuple[int, str]:
        fetching = library("pedigree.egress.fetch", extra="webhooks")
        lines = "".join(f"{line}\n" for line in self._proof(old, wanted.size))
        try:
            answer = fetching.post(
                urljoin(f"{(self._witness.url or '').rstrip('/')}/", _PATH),
                f"old {old}\n{lines}\n{wanted.note}".encode(),
                content_type="text/plain; charset=utf-8",
                allowed=self._reach.networks,
                timeout_s=TIMEOUT_S,
                most_bytes=_LARGEST_ANSWER,
                ca_file=self._reach.ca_file,
            )
            return answer.status, answer.body.decode()
        except fetching.FetchFailedError as error:
            raise self._failed(str(error)) from None
        except UnicodeDecodeError as error:
            raise self._failed("its answer is not text") from error

    def _proof(self, old: int, size: int) -> Sequence[str]:
        if old in (0, size):
            return ()
        return self._database.read(
            lambda transaction: prove_consistency(transaction, old, size)
        ).proof

    def _known(self, text: str) -> int:
        """Return the size in the answer of a conflict."""
        try:
            return read_decimal(text.removesuffix("\n"))
        except UnverifiedLogError as error:
            raise self._failed("it names no size in a conflict") from error

    def _refuse_longer(self, known: int) -> None:
        """Refuse a witness that knows a longer log, unless another process showed it."""
        head = int(self._database.fetch_all(SQL["log_state"])[0]["size"])
        if known > head:
            raise LogTamperedError(
                f"the witness {self._witness.name} says that it cosigned {known} events of this"
                f" log, which has {head} sealed ones: as after a restore of an old backup",
                remedy="Run `pedigree audit verify`, and compare with the anchors",
            )
        raise self._failed(f"it has cosigned {known} events already")

    def _accepted(self, wanted: _Asked, text: str) -> Cosignature:
        """Return the cosignature of an answer, if it is one of this witness, and its time fits."""
        try:
            if self._witness.key.name == read_checkpoint(wanted.note).origin:
                raise UnverifiedLogError("the witness has the name of the log")
            found = open_cosignatures(wanted.note + text, [self._witness.key])
        except UnverifiedLogError as error:
            raise self._failed(f"its answer is not valid: {error}") from error
        if not found:
            raise self._failed("its answer has no cosignature of its key")
        self._require_time(wanted, found[0].at)
        return found[0]

    def _require_time(self, wanted: _Asked, at: int) -> None:
        earliest = (wanted.sealed_at - CLOCKS_DIFFER).timestamp()
        latest = (wanted.now + CLOCKS_DIFFER).timestamp()
        if not earliest <= at <= latest:
            raise self._failed("its cosignature has a time before the checkpoint, or in the future")
        if wanted.known_at is not None and at < int(wanted.known_at.timestamp()):
            raise self._failed("its cosignature has an older time than its previous one")

    def _keep(self, wanted: _Asked, found: Cosignature) -> None:
        """Keep the cosigned note in the store, and then the cosignature in the database."""
        key = self._witness.key
        digest = hashlib.sha256(key.public).hexdigest()[:8]
        name = f"{wanted.key}.{digest}.cosigned"
        self._store.create(name, f"{wanted.note}{found.line}".encode())
        values = {
            "public_key": key.public,
            "size": wanted.size,
            "line": found.line,
            "cosigned_at": datetime.fromtimestamp(found.at, UTC),
        }
        self._database.transaction(
            lambda transaction: transaction.execute(SQL["add_log_cosignature"], values)
        )

    def _failed(self, problem: str, remedy: str | None = None) -> AttestationUnavailableError:
        return AttestationUnavailableError(
            f"the witness {self._witness.name} gave no cosignature: {problem}", remedy=remedy
        )


_REMEDIES = {
    403: "Let the operator of the witness trust the newest key of the log",
    404: "Let the operator of the witness add the key of the log",
    422: "It says that the log is not the one it cosigned before: run `pedigree audit verify`",
}
