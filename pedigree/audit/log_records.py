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
