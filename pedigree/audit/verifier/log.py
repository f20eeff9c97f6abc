"""The check of a whole log: its events, its tree, its checkpoints, its keys and its anchors."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from heapq import merge
from operator import attrgetter
from typing import NamedTuple

from .hashes import GrowingTree, UnverifiedLogError, leaf_hash
from .notes import Checkpoint, LogKey, open_checkpoint, read_checkpoint

_KEY_ADDED, _KEY_RETIRED = "log.key_added", "log.key_retired"
_MOST_PROBLEMS = 100


class SignedNote(NamedTuple):
    """A note to check against the log."""

    note: str
    place: str
    """Where it was read, for a person."""
    is_anchor: bool = False
    """Whether it was kept outside of the database."""


class PlacedCheckpoint(NamedTuple):
    """A note that can be read, with its checkpoint."""

    size: int
    checkpoint: Checkpoint
    signed: SignedNote


@dataclass
class LogReport:
    """What a check looked at, and what it found."""

    events: int = 0
    checkpoints: int = 0
    anchors: int = 0
    sealed: int = 0
    """The size of the newest checkpoint that holds."""
    anchored: int = 0
    """The size of the newest anchor that holds."""
    key_changes: int = 0
    """The events that add or retire a key."""
    keys: list[str] = field(default_factory=list)
    """The keys that signed the newest checkpoint, or may sign the next one."""
    problems: list[str] = field(default_factory=list)
    more_problems: int = 0

    @property
    def ok(self) -> bool:
        """Whether everything holds."""
        return not self.problems

    def found(self, problem: str) -> None:
        """Add a problem; only the first ones are kept, the others are counted."""
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(problem)
        else:
            self.more_problems += 1

    def lines(self) -> Iterator[str]:
        """Yield what was checked, and then the problems, for a person."""
        yield f"{self.events} events: the bytes of each were hashed into the tree"
        yield f"{self.checkpoints} checkpoints: size, root and signature hold"
        yield f"{self.anchors} anchors: size, root and signature hold"
        yield f"{self.sealed} events are covered by a checkpoint, {self.anchored} by an anchor"
        yield f"keys that sign now: {', '.join(self.keys) or 'none is known'}"
        for problem in self.problems:
            yield f"PROBLEM: {problem}"
        if self.more_problems:
            yield f"PROBLEM: {self.more_problems} more"


class LogCheck:
    """One pass over a log.

    A key that an event adds is trusted after a checkpoint that a trusted key signed covers the
    event, and until a checkpoint covers the event that retires it.

    Args:
        keys: The keys that are known from elsewhere.
        notes: The checkpoints of the log, in the order of their sizes; they are read as the pass
            reaches them.
        anchors: The anchors, in any order.
    """

    def __init__(
        self,
        keys: Iterable[LogKey],
        notes: Iterable[SignedNote],
        anchors: Iterable[SignedNote] = (),
    ) -> None:
        self.report = LogReport()
        self._trusted = set(keys)
        self._names = {key.name for key in self._trusted}
        self._changes: list[tuple[str, LogKey]] = []
        self._tree = GrowingTree()
        by_size = attrgetter("size")
        kept = sorted(self._readable(anchors), key=by_size)
        self._coming = merge(self._readable(notes), kept, key=by_size)
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
        report.sealed = placed.size
        if signed.is_anchor:
            report.anchors, report.anchored = report.anchors + 1, placed.size
        else:
            report.checkpoints += 1
        self._trust_changes()

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
        if not report.sealed:
            report.found("no checkpoint of the log is signed by a known key")
