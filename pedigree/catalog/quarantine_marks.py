"""Mark versions for quarantines, and release them, each with its event."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pydantic import JsonValue

from pedigree.audit.records import Actor, EventType
from pedigree.audit.replay import QUARANTINE
from pedigree.audit.states import combined_reason
from pedigree.catalog.quarantine_records import Quarantine
from pedigree.catalog.store import SQL, LockedModel, version_not_found
from pedigree.lineage.records import Certainty
from pedigree.postgres.transaction import Row, Transaction


class Marker(NamedTuple):
    """Marks versions of one model, under its lock."""

    transaction: Transaction
    model: LockedModel
    actor: Actor

    def mark(
        self,
        version: int,
        found: Quarantine,
        body: Mapping[str, JsonValue],
        certainty: Certainty | None = None,
    ) -> None:
        """Put a version in a quarantine.

        Args:
            version: Its number.
            found: The quarantine.
            body: The part of the event that describes the data.
            certainty: How certain it is that the version depends on the data; None without data.

        Raises:
            NotFoundError: There is no such version.
        """
        key = {**self._key(version), "quarantine_id": found.quarantine_id}
        self.transaction.execute(SQL["insert_mark"], {**key, "certainty": certainty})
        self._say_why(version)
        details = {**body, "quarantine_id": found.quarantine_id, "reason": found.reason}
        if certainty is not None:
            details["certainty"] = certainty.value
        self.model.record(EventType.VERSION_QUARANTINED, details, version=version, actor=self.actor)

    def release(self, version: int, ids: Sequence[int], reason: str | None) -> None:
        """Release a version from some quarantines."""
        key = {**self._key(version), "quarantine_ids": ids, "at": self.model.at}
        self.transaction.execute(SQL["release_marks"], key)
        self._say_why(version)
        self.model.record(
            EventType.VERSION_RELEASED,
            {"from": QUARANTINE, "quarantine_ids": list(ids), "reason": reason},
            version=version,
            actor=self.actor,
        )

    def open_marks(self, version: int) -> list[Row]:
        """Return the quarantines that hold a version."""
        return self.transaction.execute(SQL["open_marks"], self._key(version)).fetchall()

    def _say_why(self, version: int) -> None:
        why = combined_reason(row["reason"] for row in self.open_marks(version))
        updated = self.transaction.execute(
            SQL["quarantine_version"], {**self._key(version), "reason": why}
        )
        if not updated.rowcount:
            raise version_not_found(self.model.name, version)

    def _key(self, version: int) -> dict[str, int]:
        return {"model_id": self.model.model_id, "version": version}
