"""What is true: which content every body has really read, noted when it reads.

A *write* is a content of an asset (partition), with the Dagster events that announce it. A *read*
is what a body took of one, with the events that the content had at that moment.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from tests.dagster.capture.law.plans import How

Place: TypeAlias = tuple[str, str | None]


@dataclass(eq=False)
class Write:
    """A content that an asset (partition) had from some moment on."""

    token: int
    asset: str
    partition: str | None
    reads: "tuple[Read, ...]" = ()
    events: list[int] = field(default_factory=list)
    # Observations of it that bring nothing new; each may be the newest event that is left.
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
    """A body took a content; ``seen`` are the events that it had then."""

    write: Write
    how: How
    seen: tuple[int, ...]
    mapping: str = ""
    sightings: tuple[int, ...] = ()
    declared: bool = True  # the output that is made of it is said to depend on it

    @property
    def events(self) -> tuple[int, ...]:
        """The events that stand for what was read; what the same run made gets its own later."""
        return self.seen or tuple(self.write.events)


class World:
    """All contents, and who read what."""

    def __init__(self) -> None:
        self.contents: dict[Place, Write] = {}
        self.writes: list[Write] = []
        self.by_event: dict[int, Write] = {}
        self.versions: dict[str, list[str | None]] = defaultdict(list)
        self.observed: set[str] = set()  # assets whose partitions are observed

    def begin(self) -> "Step":
        """Return a step that has read nothing yet."""
        return Step(self)

    def write(self, place: Place, reads: Iterable[Read] = (), form: str = "") -> Write:
        """Give a place a new content."""
        write = Write(len(self.writes), *place, tuple(reads), form=form)
        self.writes.append(write)
        self.contents[place] = write
        return write

    def announce(self, write: Write, event: int, data_version: str | None) -> None:
        """Say that an event announces a content."""
        write.events.append(event)
        write.data_version = data_version
        self.by_event[event] = write
        self.versions[write.asset].append(data_version)

    def had_content(self, place: Place, before: Write) -> bool:
        """Say whether a place had a content when a consumer was written."""
        return any(write.place == place for write in self.writes[: before.token])

    def distinct(self, asset: str) -> bool:
        """Say whether data versions tell all contents of an asset apart, in Dagster's records.

        For partitions that are observed Dagster records no versions in what is made of them.
        """
        known = self.versions[asset]
        told_apart = None not in known and len(set(known)) == len(known)
        return told_apart and asset not in self.observed


class Step:
    """What one body has read so far."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._reads: dict[tuple[int, How], Read] = {}

    def take(self, value: Any, how: How, mapping: str = "") -> None:
        """Note what a value holds that was handed to the body: tokens, however they are nested."""
        for token in tokens_in(value):
            self._note(self._world.writes[token], how, mapping)

    def read(
        self, asset: str, partitions: Iterable[str | None], how: How, mapping: str = ""
    ) -> list[str | None]:
        """Read contents by oneself; return the partitions that had one."""
        found = []
        for partition in partitions:
            write = self._world.contents.get((asset, partition))
            if write is not None:
                self._note(write, how, mapping)
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
        """Write an output, made of all that the step has read.

        Args:
            asset: The output.
            partitions: What is written of it.
            form: How the asset is written.
            of: What the same step made before, and made this of.
            declared: The assets that this output is said to depend on; None for all of them.
        """
        reads = [
            replace(read, declared=declared is None or read.write.asset in declared)
            for read in self._reads.values()
        ]
        reads += [Read(write, How.INTERNAL, (), "internal") for write in of]
        return {key: self._world.write((asset, key), reads, form) for key in partitions}

    def _note(self, write: Write, how: How, mapping: str) -> None:
        read = Read(write, how, tuple(write.events), mapping, tuple(write.sightings))
        self._reads.setdefault((write.token, how), read)


def tokens_in(value: Any) -> Iterator[int]:
    """Give the tokens in what an IO manager has loaded: one, or one each by its partition."""
    if isinstance(value, dict):
        for each in value.values():
            yield from tokens_in(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from tokens_in(each)
    elif isinstance(value, int):
        yield value


def truth_of(root: Write) -> dict[Write, Write | None]:
    """Return all contents behind one, nearest first, each with a consumer of it."""
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
    """Return the way from the root to a content."""
    path = [write]
    while (consumer := truth.get(path[0])) is not None:
        path.insert(0, consumer)
    return path
