"""The check of a whole log: its events, its tree, its checkpoints, its keys and its anchors."""

import json
from collections.abc import Iterable, Iterator
from heapq import merge
from operator import attrgetter
from typing import NamedTuple

from .attestations import AttestationCheck, OutsideTrust
from .hashes import GrowingTree, UnverifiedLogError, leaf_hash
from .notes import Checkpoint, LogKey, open_checkpoint, read_checkpoint
from .report import LogReport

_KEY_ADDED, _KEY_RETIRED = "log.key_added", "log.key_retired"
_BY_SIZE = attrgetter("size")


class SignedNote(NamedTuple):
    """A note to check against the log."""

    note: str
    place: str
    """Where it was read, for a person."""
    is_anchor: bool = False
    """Whether it was kept outside of the database."""
    reply: bytes | None = None
    """The reply of an authority that stamped its time."""


class PlacedCheckpoint(NamedTuple):
    """A note that can be read, with its checkpoint."""

    size: int
    checkpoint: Checkpoint
    signed: SignedNote


class LogCheck:
    """One pass over a log.

    A key that an event adds is trusted after a checkpoint that a trusted key signed covers the
    event, and until a checkpoint covers the event that retires it.

    Args:
        keys: The keys that are known from elsewhere.
        notes: The checkpoints of the log, in the order of their sizes; they are read as the pass
            reaches them.
        anchors: The anchors, in any order.
        trust: Who is trusted besides the log.
    """

    def __init__(
        self,
        keys: Iterable[LogKey],
        notes: Iterable[SignedNote],
        anchors: Iterable[SignedNote] = (),
        stamped: Iterable[SignedNote] = (),
        trust: OutsideTrust = OutsideTrust(),  # noqa: B008
    ) -> None:
        self.report = LogReport()
        self._attestations = AttestationCheck(trust, self.report)
        self._trusted = set(keys)
        self._names = {key.name for key in self._trusted}
        self._changes: list[tuple[str, LogKey]] = []
        self._tree = GrowingTree()
        kept = sorted(self._readable(anchors), key=_BY_SIZE)
        self._coming = merge(self._readable(notes), kept, self._readable(stamped), key=_BY_SIZE)
        self._next = next(self._coming, None)

    def run(self, contents: Iterable[bytes]) -> LogReport:
        """Check a log.

        Args:
            contents: The bytes of all events, in the order of the feed.
        """
        try:
            for content in contents:
                self._tree.append(leaf_hash(content))
                if b'"log.key_' in content:
                    self._note_key(content)
                self._check_due()
        except UnverifiedLogError as error:
            self.report.found(str(error))
        self._end()
        return self.report

    def _readable(self, notes: Iterable[SignedNote]) -> Iterator[PlacedCheckpoint]:
        for signed in notes:
            try:
                checkpoint = read_checkpoint(signed.note)
            except UnverifiedLogError as error:
                self.report.found(f"{signed.place}: {error}")
            else:
                yield PlacedCheckpoint(checkpoint.size, checkpoint, signed)

    def _check_due(self) -> None:
        while self._next is not None and self._next.size <= self._tree.size:
            self._check(self._next)
            self._next = next(self._coming, None)

    def _check(self, placed: PlacedCheckpoint) -> None:
        report, signed = self.report, placed.signed
        if placed.size < self._tree.size:
            report.found(f"{signed.place}: it is not in the order of the sizes")
            return
        try:
            open_checkpoint(signed.note, self._trusted)
        except UnverifiedLogError as error:
            report.found(f"{signed.place}: {error}")
            return
        if placed.checkpoint.root != self._tree.root():
            report.found(
                f"{signed.place}: the first {placed.size} events are not those that were signed"
            )
            return
        self._count(placed)
        self._trust_changes()
        try:
            self._attestations.check(placed.checkpoint, signed.note, signed.reply)
        except UnverifiedLogError as error:
            report.found(f"{signed.place}: {error}")

    def _count(self, placed: PlacedCheckpoint) -> None:
        report = self.report
        report.sealed = placed.size
        if placed.signed.is_anchor:
            report.anchored = placed.size
        if placed.signed.reply is not None:
            return  # it is counted as a time stamp
        if placed.signed.is_anchor:
            report.anchors += 1
        else:
            report.checkpoints += 1

    def _note_key(self, content: bytes) -> None:
        """Remember a change of the keys, until a checkpoint covers it."""
        try:
            event = json.loads(content)
            if event["type"] in (_KEY_ADDED, _KEY_RETIRED):
                self.report.key_changes += 1
                self._changes.append((event["type"], LogKey.parse(event["body"]["key"])))
        except (ValueError, TypeError, KeyError) as error:
            self.report.found(f"the event {self._tree.size} names no key: {error!r}")

    def _trust_changes(self) -> None:
        for kind, key in self._changes:
            if kind == _KEY_RETIRED:
                self._trusted.discard(key)
            elif key.name in self._names:
                self._trusted.add(key)
        self._changes.clear()

    def _end(self) -> None:
        report, size = self.report, self._tree.size
        report.events = size
        report.keys = sorted(map(str, self._trusted))
        while self._next is not None:
            report.found(
                f"{self._next.signed.place}: it covers {self._next.size} events, but the log has"
                f" only {size}; events are missing, such as after a restore of an old backup"
            )
            self._next = next(self._coming, None)
        self._attestations.end()
        if not report.sealed:
            report.found("no checkpoint of the log is signed by a known key")
