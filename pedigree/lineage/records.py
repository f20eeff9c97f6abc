"""The lineage graph of a training: its step, its inputs and everything upstream of them."""

from collections import defaultdict
from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from pedigree._record import Record
from pedigree._values import Key
from pedigree.artifacts.records import Digest


class Capture(StrEnum):
    """The source of the claim that a training used an input."""

    READ = "read"  # the function read it through Pedigree, or Dagster loaded it for the function
    DECLARED = "declared"  # the definition or the caller declares it; no read was recorded
    PROVENANCE = "provenance"  # found upstream of a direct input, by that input's own provenance


class Certainty(StrEnum):
    """How certain it is that a consumer used exactly this source, least certain first.

    :attr:`Capture` is the source of the claim; a declared edge is never READ or PROVED.
    """

    UNKNOWN = "unknown"  # some part of the asset was used, and it cannot be determined which
    POSSIBLE = "possible"  # one of several events that match the recorded facts
    PROVED = "proved"  # the recorded facts of the consumer match only these events
    READ = "read"  # the read was recorded when it happened

    @property
    def rank(self) -> int:
        """The rank in the order: 0 for UNKNOWN, 3 for READ."""
        return _RANKS[self]

    @property
    def certain(self) -> bool:
        """Whether it is a fact: READ or PROVED."""
        return self in {Certainty.PROVED, Certainty.READ}


_RANKS = {certainty: rank for rank, certainty in enumerate(Certainty)}


HIDDEN = "(hidden)"
"""Stands for the asset of a version whose model the caller may not read."""


class NodeKind(StrEnum):
    """The kind of a node of the lineage graph."""

    STEP = "step"  # the training itself; each graph has exactly one
    MATERIALIZATION = "materialization"
    OBSERVATION = "observation"
    EXTERNAL = "external"  # stated by the caller, outside of any asset graph
    MISSING = "missing"  # the graph says that it was used, but its event does not exist (any more)
    HIDDEN = "hidden"  # a version of a model that the caller may not read; never stored


class LineageNode(Record):
    """An event of an asset (and partition): a state that existed when the training used it."""

    node_id: int = Field(ge=0, description="Unique within its training; the step is 0")
    kind: NodeKind
    asset: Key = Field(min_length=1, description="The asset key, parts joined by /")
    partition: Key | None = None
    storage_id: int | None = Field(default=None, description="Dagster's ID of the event")
    run_id: str | None = None
    data_version: str | None = None
    code_version: str | None = None
    at: datetime | None = Field(default=None, description="When the event was recorded")
    upstream: tuple[Key, ...] | None = Field(
        default=(),
        description="For a step or an unknown source: keys of assets, beyond those of the edges, "
        "that may be upstream of it; null if any asset may be",
    )


class LineageEdge(Record):
    """An edge: ``consumer`` used ``source``; both are node IDs of one training."""

    consumer: int
    source: int
    capture: Capture = Field(description="The source of the claim")
    certainty: Certainty

    @model_validator(mode="after")
    def _require_uncertain_declaration(self) -> Self:
        if self.capture is Capture.DECLARED and self.certainty.certain:
            raise ValueError(
                f"a declared edge cannot be {self.certainty}, because no read was recorded; "
                "use possible or unknown"
            )
        return self


class LineageGraph(Record):
    """Everything that a training depends on, up to the known sources."""

    names_people = False

    nodes: tuple[LineageNode, ...] = ()
    edges: tuple[LineageEdge, ...] = ()
    raced: bool = Field(
        default=False, description="An input changed while the training was running"
    )

    def inputs(self) -> tuple[tuple[LineageNode, Capture], ...]:
        """Return the direct inputs of the step, each with the source of the claim."""
        return tuple((node, edge.capture) for node, edge in self.used())

    def used(self) -> tuple[tuple[LineageNode, LineageEdge], ...]:
        """Return the direct inputs of the step, each with the edge to it."""
        nodes = {node.node_id: node for node in self.nodes}
        steps = {node.node_id for node in self.nodes if node.kind is NodeKind.STEP}
        return tuple((nodes[edge.source], edge) for edge in self.edges if edge.consumer in steps)

    def certainties(self) -> dict[int, Certainty]:
        """Return, by node ID, how certain it is that the training depends on the node.

        A path from the step is as certain as its least certain edge, and a node as certain as its
        most certain path. A node without a path is UNKNOWN.
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
        """Return the assets, beyond those of the nodes, that the training may depend on.

        None means any asset.
        """
        found: set[str] = set()
        for node in self.nodes:
            if node.upstream is None:
                return None
            found.update(node.upstream)
        return tuple(sorted(found))

    @property
    def complete(self) -> bool:
        """Whether the step is known to have used only its recorded inputs."""
        steps = [node for node in self.nodes if node.kind is NodeKind.STEP]
        return bool(steps) and all(step.upstream == () for step in steps)

    @property
    def certain(self) -> bool:
        """Whether all dependencies of the training are certain, and no others are possible."""
        recorded = bool(self.nodes) and self.not_ruled_out() == ()
        return recorded and all(value.certain for value in self.certainties().values())

    def sources(self) -> tuple[str, ...]:
        """Return the assets at the graph's ends, which have no known upstream."""
        consumers = {edge.consumer for edge in self.edges}
        ends = (node for node in self.nodes if node.kind is not NodeKind.STEP)
        return tuple(sorted({node.asset for node in ends if node.node_id not in consumers}))


class TrainedOn(Record):
    """A version that depends, or may depend, on some data."""

    model_name: str
    version: int
    digest: Digest | None = Field(description="Null if the version is not sealed")
    created_at: datetime
    deleted_at: datetime | None
    quarantine_reason: str | None
    direct: bool = Field(
        description="A training read the data itself, not something derived from it"
    )
    certainty: Certainty = Field(
        description="How certain it is that a training depends on the data"
    )
    partitions: tuple[str, ...] = Field(
        description="The asset's partitions that it certainly or possibly depends on"
    )

    @property
    def reference(self) -> str:
        """``customer_churn/3``."""
        return f"{self.model_name}/{self.version}"
