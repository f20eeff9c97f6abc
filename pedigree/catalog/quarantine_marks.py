"""Mark versions for quarantines, and release them, each with its event."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import JsonValue

from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.audit.verifier.replay import QUARANTINE
from pedigree.audit.verifier.states import combined_reason
from pedigree.catalog.model_changes import change_model
from pedigree.catalog.quarantine_records import Quarantine
from pedigree.catalog.store import SQL, LockedModel, version_not_found
from pedigree.lineage.records import Certainty
from pedigree.postgres.transaction import Row, Transaction

_DEPENDS = {
    Certainty.READ: "{} depends on data in quarantine",
    Certainty.PROVED: "{} depends on data in quarantine",
    Certainty.POSSIBLE: "{} possibly depends on data in quarantine",
    Certainty.UNKNOWN: "It is not known whether {} depends on data in quarantine",
}
"""The notice of a registration about its version, most certain first."""


class FoundQuarantine(NamedTuple):
    """An open quarantine of data on which a training depends, and how certain that is."""

    quarantine: Quarantine
    certainty: Certainty

    @property
    def marks(self) -> bool:
        """Whether it marks the version of the training."""
        return self.quarantine.marks(self.certainty)


class NewMarks(NamedTuple):
    """The quarantines that a registration finds, with those that hold its version already."""

    found: tuple[FoundQuarantine, ...] = ()
    held: tuple[tuple[int, str], ...] = ()
    """The ids and reasons of the quarantines that hold the version already."""
    unchanged: str | None = None
    """Why the version is in quarantine already."""

    @property
    def seen(self) -> list[int]:
        """The ids of all found quarantines."""
        return [each.quarantine.quarantine_id for each in self.found]

    @property
    def marked(self) -> tuple[FoundQuarantine, ...]:
        """The found quarantines that mark the version."""
        return tuple(each for each in self.found if each.marks)

    @property
    def reason(self) -> str | None:
        """Why the version is in quarantine after the registration; None: it is not."""
        if not self.marked:
            return self.unchanged
        new = ((each.quarantine.quarantine_id, each.quarantine.reason) for each in self.marked)
        return combined_reason(reason for _, reason in sorted({*self.held, *new}))

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of the marks."""
        return [
            {"quarantine_id": each.quarantine.quarantine_id, "certainty": each.certainty}
            for each in self.marked
        ]

    @property
    def event_bodies(self) -> list[dict[str, JsonValue]]:
        """What the event of each mark says."""
        return [
            {
                "asset": each.quarantine.asset,
                "partition": each.quarantine.partition,
                "quarantine_id": each.quarantine.quarantine_id,
                "reason": each.quarantine.reason,
                "certainty": each.certainty.value,
            }
            for each in self.marked
        ]

    def notice(self, reference: str) -> str | None:
        """Return what the registration says about its data; None if none is in quarantine."""
        notices: defaultdict[str, list[str]] = defaultdict(list)
        for each in self.found:
            notices[_DEPENDS[each.certainty]].append(each.quarantine.reason)
        return combined_reason(
            f"{sentence.format(reference)}: {combined_reason(notices[sentence])}"
            for sentence in dict.fromkeys(_DEPENDS.values())
            if sentence in notices
        )


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
        marked = self.transaction.execute(SQL["insert_mark"], {**key, "certainty": certainty})
        if not marked.rowcount:
            raise version_not_found(self.model.name, version)
        details = {**body, "quarantine_id": found.quarantine_id, "reason": found.reason}
        if certainty is not None:
            details["certainty"] = certainty.value
        self._change(EventType.VERSION_QUARANTINED, version, details)

    def release(self, version: int, ids: Sequence[int], reason: str | None) -> None:
        """Release a version from some quarantines."""
        key = {**self._key(version), "quarantine_ids": ids, "at": self.model.at}
        self.transaction.execute(SQL["release_marks"], key)
        details: dict[str, JsonValue] = {
            "from": QUARANTINE,
            "quarantine_ids": list(ids),
            "reason": reason,
        }
        self._change(EventType.VERSION_RELEASED, version, details)

    def open_marks(self, version: int) -> list[Row]:
        """Return the quarantines that hold a version."""
        return self.transaction.execute(SQL["open_marks"], self._key(version)).fetchall()

    def _change(self, event_type: EventType, version: int, body: Mapping[str, JsonValue]) -> None:
        why = combined_reason(row["reason"] for row in self.open_marks(version))
        change_model(self.model, event_type, body, self.actor, version=version, reason=why)

    def _key(self, version: int) -> dict[str, int]:
        return {"model_id": self.model.model_id, "version": version}
