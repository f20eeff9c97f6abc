"""Anchors of a registry's log, and what witnesses and authorities of time stamps state about them.

It runs next to the sealer, in a thread of its own: a slow store or witness delays no seal.
"""

import threading
from datetime import timedelta
from functools import partial
from typing import NamedTuple

from pedigree.artifacts.objects import ObjectStore
from pedigree.audit.anchors import Anchors
from pedigree.audit.attesters import Attester, Reach, asked, trust_of
from pedigree.audit.nodes import SQL
from pedigree.audit.timestamping import TimestampClient
from pedigree.audit.witnesses import WitnessClient
from pedigree.delivery.background_thread import is_over
from pedigree.failures.member_loop import MemberLoop
from pedigree.failures.records import BackgroundWork
from pedigree.postgres.database import Database
from pedigree.settings import Settings

PAUSE_S = 1.0
"""The least time between two looks at what is due."""


class PeriodicAttester(NamedTuple):
    """An attester, and the least time between two of its statements."""

    attester: Attester
    interval: timedelta


class LogAttesting:
    """Anchors the log, and asks who attests the anchors.

    A failure is noted as that of other background work: an event, and an attempt later.

    Args:
        database: The registry's database.
        store: The registry's object store.
        settings: They name who attests, and the intervals.

    Raises:
        InvalidInputError: A file of the settings cannot be used.
    """

    def __init__(self, database: Database, store: ObjectStore, settings: Settings) -> None:
        self._database = database
        self._anchors = Anchors(database, store)
        self._interval = settings.audit_anchor_interval
        self.witnesses = _witnesses(database, store, settings)
        self.authorities = _authorities(database, store, settings)

    def run(self, *, stop: threading.Event | None = None) -> int:
        """Do what is due until ``stop`` is set; return how often something was done."""
        waiting, done = stop or threading.Event(), 0
        while not is_over(None, stop):
            done += self.attempt(MemberLoop(self._database, BackgroundWork.ATTESTING), stop=stop)
            waiting.wait(PAUSE_S)
        return done

    def attempt(self, loop: MemberLoop, *, stop: threading.Event | None = None) -> int:
        """Do what is due, unless a failure waits for its next attempt; return how much was done.

        Args:
            loop: One pass of the background work.
            stop: Ask no further attester when it is set.
        """
        anchor = partial(self._anchors.anchor, interval=self._interval)
        done = 1 if loop.attempt("anchors", anchor).value else 0
        everyone = (*self.witnesses, *self.authorities)
        for each in everyone:
            if is_over(None, stop):
                return done
            done += self._attempt(loop, each)
        for member in loop.failing - {each.attester.member for each in everyone} - {"anchors"}:
            loop.recover(member)  # the settings do not name it any more
        return done

    def _attempt(self, loop: MemberLoop, periodic: PeriodicAttester) -> bool:
        """Ask one attester, if it is due and no other process asks it now."""
        attester, asking = periodic.attester, {"member": periodic.attester.member}
        if loop.waits(attester.member) or not attester.is_due(periodic.interval):
            return False
        if not self._write("begin_asking", asking):
            return False
        try:
            return loop.attempt(attester.member, attester.attest).is_done
        finally:
            self._write("end_asking", asking)

    def _write(self, query: str, values: dict[str, str]) -> bool:
        """Run a statement; return whether it gives a row."""
        return self._database.transaction(
            lambda transaction: transaction.execute(SQL[query], values).rowcount > 0
        )


def _witnesses(
    database: Database, store: ObjectStore, settings: Settings
) -> tuple[PeriodicAttester, ...]:
    clients = (
        WitnessClient(database, store, witness, reach_of(settings))
        for witness in asked(trust_of(settings).policy)
    )
    return tuple(PeriodicAttester(each, settings.audit_cosign_interval) for each in clients)


def _authorities(
    database: Database, store: ObjectStore, settings: Settings
) -> tuple[PeriodicAttester, ...]:
    trusted = trust_of(settings).authorities
    clients = (
        TimestampClient(database, store, url, trusted, reach_of(settings))
        for url in settings.audit_timestamp_urls
    )
    return tuple(PeriodicAttester(each, settings.audit_timestamp_interval) for each in clients)


def reach_of(settings: Settings) -> Reach:
    """Return how attesters may be reached."""
    return Reach(settings.audit_networks, settings.audit_ca_file)
