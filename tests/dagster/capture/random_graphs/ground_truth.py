"""The ground truth: which contents every body actually read, recorded at the read.

A *write* is a content of an asset (partition) with its Dagster events. A *read*
is a body's read of one, with the events that the content had at that moment.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from tests.dagster.capture.random_graphs.plans import ReadMode

Place: TypeAlias = tuple[str, str | None]


@dataclass(eq=False)
class Write:
    """A content of an asset (partition) from some moment on."""

    token: int
    asset: str
    partition: str | None
    reads: "tuple[Read, ...]" = ()
    events: list[int] = field(default_factory=list)
    # Observations without a new content; each may be the newest remaining event.
    sightings: list[int] = field(default_factory=list)
    data_version: str | None = None
    run_id: str | None = None
    form: str = ""

    @property
    def place(self) -> Place:
        return self.asset, self.partition

    def __str__(self) -> str:
        where = f"{self.asset}[{self.partition}]" if self.partition else self.asset
        return f"{where}#{','.join(map(str, self.events)) or '?'}"


@dataclass(frozen=True)
class Read:
    """A body's read of a content; ``seen`` are the events that it had then."""

    write: Write
    mode: ReadMode
    seen: tuple[int, ...]
    mapping: str = ""
    sightings: tuple[int, ...] = ()
    declared: bool = True  # whether the output declares it as input

    @property
    def events(self) -> tuple[int, ...]:
        """The events of the content; those of the same run are added later."""
        return self.seen or tuple(self.write.events)


class GroundTruth:
    """All contents and reads."""

    def __init__(self) -> None:
        self.contents: dict[Place, Write] = {}
        self.writes: list[Write] = []
        self.by_event: dict[int, Write] = {}
        self.versions: dict[str, list[str | None]] = defaultdict(list)
        self.observed: set[str] = set()  # assets whose partitions are observed

    def begin(self) -> "Step":
        """Return a step without reads."""
        return Step(self)

    def write(self, place: Place, reads: Iterable[Read] = (), form: str = "") -> Write:
        """Write a new content to an asset (partition)."""
        write = Write(len(self.writes), *place, tuple(reads), form=form)
        self.writes.append(write)
        self.contents[place] = write
        return write

    def add_event(self, write: Write, event: int, data_version: str | None) -> None:
        """Add an event to a content."""
        write.events.append(event)
        write.data_version = data_version
        self.by_event[event] = write
        self.versions[write.asset].append(data_version)

    def had_content(self, place: Place, before: Write) -> bool:
        """Return whether an asset (partition) had a content when a consumer was written."""
        return any(write.place == place for write in self.writes[: before.token])

    def distinct(self, asset: str) -> bool:
        """Return whether the recorded data versions distinguish all contents of an asset.

        For observed partitions Dagster records no versions in downstream events.
        """
        known = self.versions[asset]
        labeled_gates = None not in known and len(set(known)) == len(known)
        return labeled_gates and asset not in self.observed


class Step:
    """The reads of one body so far."""

    def __init__(self, ground_truth: GroundTruth) -> None:
        self._world = ground_truth
        self._reads: dict[tuple[int, ReadMode], Read] = {}

    def note_loaded(self, value: Any, mode: ReadMode, mapping: str = "") -> None:
        """Record the tokens in a value that was passed to the body, at any nesting."""
        for token in tokens_in(value):
            self._observe_without_version(self._world.writes[token], mode, mapping)

    def read(
        self, asset: str, partitions: Iterable[str | None], mode: ReadMode, mapping: str = ""
    ) -> list[str | None]:
        """Record the body's own reads; return the partitions that had a content."""
        found = []
        for partition in partitions:
            write = self._world.contents.get((asset, partition))
            if write is not None:
                self._observe_without_version(write, mode, mapping)
                found.append(partition)
        return found

    def make(
        self,
        asset: str,
        partitions: Iterable[str | None],
        form: str,
        of: Iterable[Write] = (),
        declared: Collection[str] | None = None,
    ) -> dict[str | None, Write]:
        """Write an output that depends on all reads of the step.

        Args:
            asset: The output.
            partitions: The partitions to write.
            form: The form of the asset.
            of: Earlier outputs of the same step that this one depends on.
            declared: The assets that this output declares as inputs; None for all.
        """
        reads = [
            replace(read, declared=declared is None or read.write.asset in declared)
            for read in self._reads.values()
        ]
        reads += [Read(write, ReadMode.INTERNAL, (), "internal") for write in of]
        return {key: self._world.write((asset, key), reads, form) for key in partitions}

    def _observe_without_version(self, write: Write, mode: ReadMode, mapping: str) -> None:
        read = Read(write, mode, tuple(write.events), mapping, tuple(write.sightings))
        self._reads.setdefault((write.token, mode), read)


def tokens_in(value: Any) -> Iterator[int]:
    """Yield the tokens in a loaded value: one, or one per partition."""
    if isinstance(value, dict):
        for each in value.values():
            yield from tokens_in(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from tokens_in(each)
    elif isinstance(value, int):
        yield value


def truth_of(root: Write) -> dict[Write, Write | None]:
    """Return all upstream contents, nearest first, each with a consumer."""
    found: dict[Write, Write | None] = {}
    level = [root]
    while level:
        consumers, level = level, []
        for consumer in consumers:
            for read in consumer.reads:
                if read.write not in found and read.write is not root:
                    found[read.write] = consumer
                    level.append(read.write)
    return found


def path_to(write: Write, truth: dict[Write, Write | None]) -> list[Write]:
    """Return the path from the root to a content."""
    path = [write]
    while (consumer := truth.get(path[0])) is not None:
        path.insert(0, consumer)
    return path
