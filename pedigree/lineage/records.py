"""What made a version: the training, and the graph of data it was trained on."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

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
        return list(Certainty).index(self)

    @property
    def certain(self) -> bool:
        """It is a fact: READ or PROVED."""
        return self in {Certainty.PROVED, Certainty.READ}


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
        description="Of a source that is not known: the keys of all assets upstream of it in the "
        "asset graph, about which nothing can be ruled out; null if not even they are known",
    )


class LineageEdge(Record):
    """``consumer`` used ``source``; both are node ids of one training."""

    consumer: int
    source: int
    capture: Capture = Field(description="Where the claim comes from")
    certainty: Certainty


class LineageGraph(Record):
    """Everything a training stands on, down to the sources that are known."""

    nodes: tuple[LineageNode, ...] = ()
    edges: tuple[LineageEdge, ...] = ()
    raced: bool = Field(
        default=False, description="An input changed while the training was running"
    )

    def inputs(self) -> tuple[tuple[LineageNode, Capture], ...]:
        """Return the direct inputs of the step, each with how it is known."""
        nodes = {node.node_id: node for node in self.nodes}
        steps = {node.node_id for node in self.nodes if node.kind is NodeKind.STEP}
        return tuple(
            (nodes[edge.source], edge.capture) for edge in self.edges if edge.consumer in steps
        )

    def sources(self) -> tuple[str, ...]:
        """Return the assets at the graph's ends: those of which nothing further back is known."""
        consumers = {edge.consumer for edge in self.edges}
        ends = (node for node in self.nodes if node.kind is not NodeKind.STEP)
        return tuple(sorted({node.asset for node in ends if node.node_id not in consumers}))


class TrainedOn(Record):
    """A version that stands on some data, and how."""

    model_name: str
    version: int
    digest: Digest
    created_at: datetime
    deleted_at: datetime | None
    quarantine_reason: str | None
    direct: bool = Field(description="A training read it itself, and not what was made of it")
    certain: bool = Field(
        description="False where it is known that the asset was read, and not which partitions"
    )
    partitions: tuple[str, ...] = Field(description="Those of the asset that it stands on")

    @property
    def reference(self) -> str:
        """``customer_churn/3``."""
        return f"{self.model_name}/{self.version}"
