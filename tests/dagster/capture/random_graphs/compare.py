"""Compare a recorded closure with the ground truth."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pedigree.lineage.records import Certainty, LineageEdge, LineageGraph, LineageNode, NodeKind
from tests.dagster.capture.random_graphs.ground_truth import (
    GroundTruth,
    Place,
    Read,
    Write,
    path_to,
    truth_of,
)
from tests.dagster.capture.random_graphs.plans import ReadMode
from tests.dagster.capture.random_graphs.unknowns import open_assets


@dataclass(frozen=True)
class MissingContent:
    """An upstream content that the closure neither contains nor marks as unknown."""

    write: Write
    path: tuple[Write, ...]
    kind: str

    def __str__(self) -> str:
        way = " ← ".join(map(str, self.path))
        return f"MISSING {self.write} ({self.kind}); the path to it: {way}"


@dataclass(frozen=True)
class WrongEdge:
    """A certain edge that is not true."""

    consumer: LineageNode
    source: LineageNode
    certainty: Certainty
    read: tuple[Write, ...]

    def __str__(self) -> str:
        truly = ", ".join(map(str, self.read)) or "nothing of it"
        return (
            f"WRONG {_named(self.consumer)} → {_named(self.source)} is recorded as "
            f"{self.certainty.value}; it actually read {truly}"
        )


@dataclass(frozen=True)
class TrueEdge:
    """A true read whose two events existed at the training, and its edge in the closure."""

    consumer: Write
    read: Read
    certainty: Certainty | None
    distinct: bool
    reached: bool  # the events on a path from the version to the consumer also existed

    @property
    def exact(self) -> bool:
        return self.certainty is not None and self.certainty.certain


@dataclass(frozen=True)
class Spread:
    """The possible partitions of one consumer and asset, and the true ones."""

    consumer: Write
    asset: str
    possible: int
    true: int


@dataclass
class ComparisonResult:
    """The result of a comparison."""

    missing: list[MissingContent] = field(default_factory=list)
    wrong: list[WrongEdge] = field(default_factory=list)
    edges: list[TrueEdge] = field(default_factory=list)
    spreads: list[Spread] = field(default_factory=list)
    boundless: int = 0  # sources whose upstream assets are unknown, too

    @property
    def findings(self) -> list[str]:
        return [str(each) for each in (*self.missing, *self.wrong)]


def compare_closure(
    graph: LineageGraph, root: Write, alive: frozenset[int], ground_truth: GroundTruth
) -> ComparisonResult:
    """Compare the closure of a version with the ground truth.

    Args:
        graph: The closure.
        root: The version's content.
        alive: The events that existed when it was trained.
        world: Who read what.
    """
    return _Comparison(graph, root, alive, ground_truth).verdict()


class _Comparison:
    def __init__(
        self, graph: LineageGraph, root: Write, alive: frozenset[int], ground_truth: GroundTruth
    ) -> None:
        self.root = root
        self.alive = alive
        self.ground_truth = ground_truth
        self.edges = graph.edges
        self.nodes = {node.node_id: node for node in graph.nodes}
        self.truth = truth_of(root)
        self.open, self.boundless = open_assets(graph)
        self.places: dict[Place, list[LineageNode]] = defaultdict(list)
        for node in graph.nodes:
            if node.kind is not NodeKind.STEP:
                self.places[node.asset, node.partition].append(node)

    def verdict(self) -> ComparisonResult:
        missing = [self._missing(write) for write in self.truth if not self._has(write)]
        return ComparisonResult(
            missing=missing,
            wrong=[wrong for edge in self.edges for wrong in self._wrong(edge)],
            edges=list(self._true_edges()),
            spreads=list(self._spreads()),
            boundless=self.boundless,
        )

    # --- false negatives

    def _has(self, write: Write) -> bool:
        there = self.alive.intersection(write.events)
        for node in self.places[write.place]:
            if not there or node.storage_id in {*write.events, *write.sightings}:
                return True
        return self.open.covers(write)

    def _missing(self, write: Write) -> MissingContent:
        path = path_to(write, self.truth)
        way = path
        place = next(i for i, each in enumerate(way) if i and not self._has(each))
        consumer, lost = way[place - 1], way[place]
        return MissingContent(write, tuple(way), self._kind(consumer, lost))

    def _kind(self, consumer: Write, lost: Write) -> str:
        """Return the kind of step at which a path leaves the closure."""
        reads = [read for read in consumer.reads if read.write.asset == lost.asset]
        read = next(read for read in reads if read.write is lost)
        said = "" if read.declared else " undeclared"
        several = "several partitions" if len({r.write.place for r in reads}) > 1 else "one"
        if lost.partition is None:
            several = "unpartitioned"
        return ", ".join(
            [
                f"{consumer.form} {self._state(consumer)}",
                f"{read.mode.value} by {read.mapping} ({several}){said}",
                f"from {lost.form} {self._state(lost)}",
                "" if self.ground_truth.distinct(lost.asset) else "equal versions",
            ]
        ).rstrip(", ")

    def _state(self, write: Write) -> str:
        return "" if self._alive(write) else "wiped"

    def _alive(self, write: Write) -> bool:
        return write is self.root or bool(self.alive.intersection(write.events))

    # --- certain edges

    def _wrong(self, edge: LineageEdge) -> Iterable[WrongEdge]:
        consumer, source = self.nodes[edge.consumer], self.nodes[edge.source]
        if not edge.certainty.certain:
            return
        writes = self._writes_of(consumer)
        # A consumer that is not a content of this case cannot have certain reads.
        if not any(self._is_read(source, write) for write in writes):
            read = {
                each.write: None
                for write in writes
                for each in write.reads
                if each.write.asset == source.asset
            }
            yield WrongEdge(consumer, source, edge.certainty, tuple(read))

    def _writes_of(self, node: LineageNode) -> Sequence[Write]:
        if node.kind is NodeKind.STEP:
            return [self.root]
        if node.storage_id is not None:
            write = self.ground_truth.by_event.get(node.storage_id)
            return [write] if write else []
        place = (node.asset, node.partition)
        return [write for write in self.truth if write.place == place]

    def _is_read(self, source: LineageNode, consumer: Write) -> bool:
        reads = [read for read in consumer.reads if read.write.asset == source.asset]
        if source.storage_id is None and source.kind is NodeKind.MISSING:
            place = (source.asset, source.partition)
            if source.partition is None:
                return bool(reads) or not self.ground_truth.had_content(place, consumer)
            read = any(each.write.place == place for each in reads)
            return read or not self.ground_truth.had_content(place, consumer)
        return any(self._is_of(source, read) for read in reads)

    def _is_of(self, source: LineageNode, read: Read) -> bool:
        if read.write.partition != source.partition and source.partition is not None:
            return False
        if source.storage_id in {*read.events, *read.sightings}:
            return True
        # The content has no event any more, so it is identified by its data version.
        return (
            not self.alive.intersection(read.write.events)
            and read.write.partition == source.partition
            and read.write.data_version == source.data_version
        )

    # --- shares

    def _true_edges(self) -> Iterable[TrueEdge]:
        known: dict[tuple[int | None, int | None], Certainty] = {}
        for edge in self.edges:
            consumer, source = self.nodes[edge.consumer], self.nodes[edge.source]
            place = (self._id_of(consumer), source.storage_id)
            known[place] = max(edge.certainty, known.get(place, edge.certainty), key=_rank)
        reached = self._reached()
        for consumer in filter(self._alive, (self.root, *self.truth)):
            for read in _once(consumer.reads):
                if not self._alive(read.write):
                    continue
                found = [
                    known[which, event]
                    for which in self._ids(consumer)
                    for event in read.events
                    if (which, event) in known
                ]
                certainty = max(found, key=_rank, default=None)
                distinct = self.ground_truth.distinct(read.write.asset)
                yield TrueEdge(consumer, read, certainty, distinct, consumer in reached)

    def _reached(self) -> set[Write]:
        """Return the contents that a recorded path reaches and whose events exist."""
        found, level = {self.root}, [self.root]
        while level:
            for read in level.pop().reads:
                seen = read.mode is not ReadMode.SILENT and self._alive(read.write)
                if seen and read.write not in found:
                    found.add(read.write)
                    level.append(read.write)
        return found

    def _id_of(self, node: LineageNode) -> int | None:
        return -1 if node.kind is NodeKind.STEP else node.storage_id

    def _ids(self, write: Write) -> list[int]:
        return [-1] if write is self.root else write.events

    def _spreads(self) -> Iterable[Spread]:
        possible: dict[tuple[Write, str], set[str | None]] = defaultdict(set)
        for edge in self.edges:
            source = self.nodes[edge.source]
            if edge.certainty is Certainty.POSSIBLE:
                for write in self._writes_of(self.nodes[edge.consumer]):
                    possible[write, source.asset].add(source.partition)
        for (consumer, asset), partitions in possible.items():
            true = {r.write.partition for r in consumer.reads if r.write.asset == asset}
            yield Spread(consumer, asset, len(partitions), len(true))


def _once(reads: Sequence[Read]) -> Iterable[Read]:
    """Yield each content once; loads take precedence over the body's own reads."""
    found: dict[Write, Read] = {}
    for read in sorted(reads, key=lambda each: list(ReadMode).index(each.mode)):
        found.setdefault(read.write, read)
    return found.values()


def _rank(certainty: Certainty) -> int:
    return certainty.rank


def _named(node: LineageNode) -> str:
    where = f"{node.asset}[{node.partition}]" if node.partition else node.asset
    if node.kind is NodeKind.STEP:
        return f"step {where}"
    lost = "missing " if node.kind is NodeKind.MISSING else ""
    return f"{lost}{where}#{node.storage_id}"
