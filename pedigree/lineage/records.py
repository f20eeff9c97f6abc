"""What made a version: the training, and the graph of data it was trained on."""

from collections import defaultdict
from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from pedigree._record import Record
from pedigree.artifacts.records import Digest


class Capture(StrEnum):
    """How it is known that a training consumed an input."""

    READ = "read"  # the body read it through Pedigree, or Dagster loaded it for the body
    DECLARED = "declared"  # the definition or the caller says so; nobody saw it happen
    PROVENANCE = "provenance"  # found behind a direct input, by that input's own provenance


class Certainty(StrEnum):
    """How certain it is that a consumer used exactly this source, the least certain first.

    :attr:`Capture` says where the claim comes from; a declared edge is never READ or PROVED.
    """

    UNKNOWN = "unknown"  # something of the asset was used, and what it was cannot be known
    POSSIBLE = "possible"  # one of several events that fit what is recorded
    PROVED = "proved"  # what is recorded about the consumer fits these events and no others
    READ = "read"  # the read was recorded when it happened

    @property
    def rank(self) -> int:
        """The place in the order: 0 for UNKNOWN, 3 for READ."""
        return _RANKS[self]

    @property
    def certain(self) -> bool:
        """It is a fact: READ or PROVED."""
        return self in {Certainty.PROVED, Certainty.READ}


_RANKS = {certainty: rank for rank, certainty in enumerate(Certainty)}


class NodeKind(StrEnum):
    """What sort of fact a node of the lineage graph is."""

    STEP = "step"  # the training itself; every graph has exactly one
    MATERIALIZATION = "materialization"
    OBSERVATION = "observation"
    EXTERNAL = "external"  # named by the caller, outside any asset graph
    MISSING = "missing"  # the graph says it was used, but its event is not there (any more)


class LineageNode(Record):
    """One event of one asset (and partition): what existed when the training looked."""

    node_id: int = Field(ge=0, description="Unique within its training; the step is 0")
    kind: NodeKind
    asset: str = Field(min_length=1, description="The asset key, parts joined by /")
    partition: str | None = None
    storage_id: int | None = Field(default=None, description="Dagster's id of the event")
    run_id: str | None = None
    data_version: str | None = None
    code_version: str | None = None
    at: datetime | None = Field(default=None, description="When the event was recorded")
    upstream: tuple[str, ...] | None = Field(
        default=(),
        description="Of a step, and of a source that is not known: the keys of the assets that may "
        "be upstream of it beside those that edges name, about which nothing can be ruled out; "
        "null if not even they are known",
    )


class LineageEdge(Record):
    """``consumer`` used ``source``; both are node ids of one training."""

    consumer: int
    source: int
    capture: Capture = Field(description="Where the claim comes from")
    certainty: Certainty

    @model_validator(mode="after")
    def _nobody_saw_what_is_declared(self) -> Self:
        if self.capture is Capture.DECLARED and self.certainty.certain:
            raise ValueError(
                f"a declared edge cannot be {self.certainty}: nobody saw it happen; "
                "say that it is possible or unknown"
            )
        return self


class LineageGraph(Record):
    """Everything a training depends on, down to the sources that are known."""

    nodes: tuple[LineageNode, ...] = ()
    edges: tuple[LineageEdge, ...] = ()
    raced: bool = Field(
        default=False, description="An input changed while the training was running"
    )

    def inputs(self) -> tuple[tuple[LineageNode, Capture], ...]:
        """Return the direct inputs of the step, each with how it is known."""
        return tuple((node, edge.capture) for node, edge in self.used())

    def used(self) -> tuple[tuple[LineageNode, LineageEdge], ...]:
        """Return the direct inputs of the step, each with the edge to it."""
        nodes = {node.node_id: node for node in self.nodes}
        steps = {node.node_id for node in self.nodes if node.kind is NodeKind.STEP}
        return tuple((nodes[edge.source], edge) for edge in self.edges if edge.consumer in steps)

    def certainties(self) -> dict[int, Certainty]:
        """Return, by node id, how certain it is that the training depends on a node.

        A path from the step is as certain as its least certain edge, and a node as certain as its
        most certain path. About a node without a path nothing is known.
        """
        sources: defaultdict[int, list[LineageEdge]] = defaultdict(list)
        for edge in self.edges:
            sources[edge.consumer].append(edge)
        found: dict[int, Certainty] = {}
        reached = {node.node_id for node in self.nodes if node.kind is NodeKind.STEP}
        for level in reversed(Certainty):
            frontier = list(reached)
            while frontier:
                for edge in sources[frontier.pop()]:
                    if edge.certainty.rank >= level.rank and edge.source not in reached:
                        reached.add(edge.source)
                        frontier.append(edge.source)
            found |= dict.fromkeys(reached - found.keys(), level)
        return {node.node_id: found.get(node.node_id, Certainty.UNKNOWN) for node in self.nodes}

    def not_ruled_out(self) -> tuple[str, ...] | None:
        """Return the assets that the training may depend on beside those of the nodes.

        None: it may be any asset.
        """
        found: set[str] = set()
        for node in self.nodes:
            if node.upstream is None:
                return None
            found.update(node.upstream)
        return tuple(sorted(found))

    @property
    def complete(self) -> bool:
        """It is known that the step used nothing beside its recorded inputs."""
        steps = [node for node in self.nodes if node.kind is NodeKind.STEP]
        return bool(steps) and all(step.upstream == () for step in steps)

    @property
    def certain(self) -> bool:
        """All that the training depends on is known for certain, and nothing else may be."""
        recorded = bool(self.nodes) and self.not_ruled_out() == ()
        return recorded and all(one.certain for one in self.certainties().values())

    def sources(self) -> tuple[str, ...]:
        """Return the assets at the graph's ends: those of which nothing further back is known."""
        consumers = {edge.consumer for edge in self.edges}
        ends = (node for node in self.nodes if node.kind is not NodeKind.STEP)
        return tuple(sorted({node.asset for node in ends if node.node_id not in consumers}))


class TrainedOn(Record):
    """A version that depends on some data, or of which it is not known, and how."""

    model_name: str
    version: int
    digest: Digest
    created_at: datetime
    deleted_at: datetime | None
    quarantine_reason: str | None
    direct: bool = Field(description="A training read it itself, and not what was made of it")
    certainty: Certainty = Field(description="How certain it is that a training depends on it")
    partitions: tuple[str, ...] = Field(
        description="Those of the asset that it certainly or possibly depends on"
    )

    @property
    def reference(self) -> str:
        """``customer_churn/3``."""
        return f"{self.model_name}/{self.version}"
