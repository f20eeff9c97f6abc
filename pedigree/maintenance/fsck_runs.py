"""The runs of `fsck`: each is an event, so that the newest result is known to everybody."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import Field

from pedigree._record import Record
from pedigree.audit import log
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor, NewEvent
from pedigree.maintenance.fsck_records import Report
from pedigree.maintenance.queries import SQL
from pedigree.postgres.transaction import Transaction


class FsckRun(Record):
    """A run of `fsck` that ended."""

    at: datetime
    actor: str
    hashes: bool = Field(description="Whether the bytes of all objects were read")
    looked_at: int = Field(description="How much was compared, over all invariants")
    violated: Mapping[str, int] = Field(description="Violations by invariant; empty if all hold")


def note_run(transaction: Transaction, report: Report, *, hashes: bool, actor: Actor) -> None:
    """Write the event of a run.

    Args:
        transaction: Where to write it.
        report: What was found.
        hashes: Whether the bytes of all objects were read.
        actor: Who asked for the run.
    """
    (row,) = transaction.execute(SQL["time_of_run"]).fetchall()
    log.record(
        transaction,
        EventType.REGISTRY_CHECKED,
        {
            "read": "registry",
            "hashes": hashes,
            "looked_at": sum(each.looked_at for each in report.checks),
            "violated": {each.name: each.violations for each in report.checks if each.violations},
        },
        at=row["at"],
        actor=actor,
    )


def newest_run(transaction: Transaction) -> FsckRun | None:
    """Return the newest run that ended; None if there is no event of one."""
    for row in transaction.execute(SQL["newest_run"]):
        event = NewEvent.stored(row["canonical"])
        return FsckRun(
            at=event.at,
            actor=event.actor.name,
            **{name: value for name, value in event.body.items() if name != "read"},
        )
    return None
