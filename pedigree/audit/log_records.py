"""Records of the sealed log: checkpoints, keys and proofs."""

from datetime import datetime
from typing import Any

from pedigree._record import Record


class LogCheckpoint(Record):
    """A signed checkpoint: the number of sealed events, and the root of their tree."""

    size: int
    root: str
    note: str
    sealed_at: datetime

    @classmethod
    def of(cls, row: dict[str, Any]) -> "LogCheckpoint":
        """Return the checkpoint of a row."""
        return cls(**{**row, "root": bytes(row["root"]).hex()})


class KnownLogKey(Record):
    """A public key of the log, and when it signs."""

    key: str
    added_at: datetime
    retired_at: datetime | None
    signs_until: datetime | None
    is_stored: bool


class LogProof(Record):
    """An event, and the proof that the log has it.

    Args:
        seq: The place of the event.
        event: Its canonical JSON, byte for byte as it was hashed.
        proof: The text of a ``.tlog-proof`` file (https://c2sp.org/tlog-proof).
        size: How many events the checkpoint of the proof covers.
    """

    seq: int
    size: int
    event: str
    proof: str


class LogConsistency(Record):
    """The proof that a log extends what it was (RFC 6962, section 2.1.2).

    Args:
        origin: The name of the log.
        old_size: A number of events.
        old_root: The root of their tree, in hexadecimal.
        new_size: A larger number of events.
        new_root: The root of their tree.
        proof: The hashes of the proof, in base64.
        checkpoint: A signed checkpoint that extends both.
    """

    origin: str
    old_size: int
    old_root: str
    new_size: int
    new_root: str
    proof: tuple[str, ...]
    checkpoint: str


class LogAnchor(Record):
    """A checkpoint that is also kept in the object store."""

    size: int
    key: str
    anchored_at: datetime


class LogAttester(Record):
    """A witness or an authority of time stamps, and its newest statement.

    Args:
        kind: ``witness`` or ``authority``.
        name: Its name in the policy of the witnesses, or its URL; the id of an unknown key.
        is_asked: Whether the settings of this process name it.
        size: How many events its newest statement covers; 0 without one.
        at: The time that it states.
    """

    kind: str
    name: str
    is_asked: bool
    size: int
    at: datetime | None


class AttestedLog(Record):
    """What an attester did when it was asked.

    Args:
        name: The attester.
        size: How many events its statement covers; 0 if it covers the newest anchor already.
        problem: Why it gave none.
    """

    name: str
    size: int
    problem: str | None


class LogAttestations(Record):
    """Who attests the log, and how far.

    Args:
        attesters: Each witness and authority.
        witnessed: How many events the newest checkpoint covers that has enough cosignatures.
        witnessed_at: The time of the last of these cosignatures.
        has_policy: Whether this process knows how many cosignatures are enough.
    """

    attesters: tuple[LogAttester, ...]
    witnessed: int
    witnessed_at: datetime | None
    has_policy: bool
