"""How much data and code have changed since a version was trained.

Only the asset graph has the *current* state, so a plug-in provides it (entry point group
``pedigree.asset_graphs``); the kernel itself does not depend on an orchestrator.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from importlib.metadata import entry_points
from typing import TypeAlias

from pydantic import Field

from pedigree._record import Record
from pedigree.lineage.records import Certainty, LineageEdge, LineageGraph, LineageNode, NodeKind
from pedigree.settings import Settings

AssetPartition: TypeAlias = tuple[str, str | None]


class InputNow(Record):
    """The current state of an input, and how often it changed since a training used it."""

    data_version: str | None = Field(description="Null: it has no event (any more)")
    data_behind: int = Field(ge=0, description="Changes of its data version since then")
    code_behind: int = Field(ge=0, description="Changes of the code that produces it since then")


AskAssetGraph: TypeAlias = Callable[
    [Sequence[LineageNode], Settings], Mapping[AssetPartition, InputNow] | None
]
"""A function that returns the current state of each input of a training.

It returns None if it has no access to an asset graph.
"""


class StaleInput(Record):
    """An input that has changed since a version was trained, or possibly trained, on it."""

    asset: str
    partition: str | None = None
    trained_on: str | None = Field(description="The data version that the training used")
    now: str | None = Field(description="The current data version; null if there is none")
    data_behind: int = Field(ge=0, description="Changes of its data version since then")
    code_behind: int = Field(ge=0, description="Changes of the code that produces it since then")
    certainty: Certainty = Field(
        # Records that an earlier release stored lack it.
        default=Certainty.POSSIBLE,
        description="How certain it is that the training used this state",
    )


class UnclearInput(Record):
    """A direct input whose used or current state is unclear."""

    asset: str
    partitions: int = Field(description="Number of its partitions; 0: none is known")
    certainty: Certainty = Field(description="How certain it is that the training used them")
    in_graph: bool = Field(description="False: no asset graph has its current state")


class Staleness(Record):
    """How stale a version is; unknown if no asset graph is accessible."""

    known: bool
    inputs: tuple[StaleInput, ...] = Field(
        default=(), description="The direct inputs that have changed"
    )
    newer_code: tuple[str, ...] = Field(
        default=(), description="Code versions of the model's own training since then"
    )
    unclear: tuple[UnclearInput, ...] = Field(
        default=(),
        description="Direct inputs whose used or current state is unclear",
    )
    complete: bool = Field(default=False, description="False: there may be unrecorded inputs")
    seen_at: datetime | None = Field(
        default=None, description="When the asset graph was read; null: just now"
    )

    @property
    def stale(self) -> bool | None:
        """Whether it is stale; None if unknown.

        False only if every direct input is certain and unchanged.
        """
        if not self.known:
            return None
        if self.newer_code or any(item.certainty.certain for item in self.inputs):
            return True
        return None if self.inputs or self.unclear or not self.complete else False

    @property
    def data_behind(self) -> int:
        """The number of newer data versions, over all inputs and partitions."""
        return sum(item.data_behind for item in self.inputs)

    @property
    def code_behind(self) -> int:
        """The number of newer code versions: of its own training, and of its inputs' code.

        One code produces all partitions of an asset, so the largest number of an asset counts.
        """
        by_asset: dict[str, int] = {}
        for item in self.inputs:
            by_asset[item.asset] = max(by_asset.get(item.asset, 0), item.code_behind)
        return len(self.newer_code) + sum(by_asset.values())


_IN_GRAPH = frozenset({NodeKind.MATERIALIZATION, NodeKind.OBSERVATION})


def observed_inputs(graph: LineageGraph) -> tuple[LineageNode, ...]:
    """Return the direct inputs of a training whose current state an asset graph may have.

    If several states of a partition are possible, the oldest is returned, so that an input counts
    as unchanged only if all of them are.
    """
    return tuple(node for node, _ in _observed(graph))


def _observed(graph: LineageGraph) -> tuple[tuple[LineageNode, LineageEdge], ...]:
    found: dict[AssetPartition, tuple[LineageNode, LineageEdge]] = {}
    for node, edge in sorted(graph.used(), key=_most_certain_and_oldest):
        if node.kind in _IN_GRAPH:
            found.setdefault((node.asset, node.partition), (node, edge))
    return tuple(sorted(found.values(), key=lambda pair: pair[0].node_id))


def _most_certain_and_oldest(used: tuple[LineageNode, LineageEdge]) -> tuple[int, int]:
    node, edge = used
    return -edge.certainty.rank, node.storage_id or 0


def staleness(graph: LineageGraph, newer_code: Sequence[str], settings: Settings) -> Staleness:
    """Compare the direct inputs of a training with their current states in the asset graphs.

    Args:
        graph: The training's lineage.
        newer_code: The code versions of later trainings of the model.
        settings: The settings for the plug-ins that find the asset graphs.
    """
    inputs = observed_inputs(graph)
    now = _current_states(inputs, settings) if inputs else {}
    if now is None:
        return Staleness(known=False)
    return compared(graph, now, newer_code)


def compared(
    graph: LineageGraph, now: Mapping[AssetPartition, InputNow], newer_code: Sequence[str]
) -> Staleness:
    """Compare the direct inputs of a training with their current states."""
    found = []
    for node, edge in _observed(graph):
        present = now.get((node.asset, node.partition)) or InputNow(
            data_version=None, data_behind=0, code_behind=0
        )
        if present.data_version != node.data_version or present.code_behind:
            found.append(
                StaleInput(
                    asset=node.asset,
                    partition=node.partition,
                    trained_on=node.data_version,
                    now=present.data_version,
                    data_behind=present.data_behind,
                    code_behind=present.code_behind,
                    certainty=edge.certainty,
                )
            )
    return Staleness(
        known=True,
        inputs=tuple(found),
        newer_code=tuple(newer_code),
        unclear=_unclear(graph),
        complete=graph.complete,
    )


def _unclear(graph: LineageGraph) -> tuple[UnclearInput, ...]:
    partitions: Counter[tuple[str, Certainty, bool]] = Counter()
    for node, edge in graph.used():
        in_graph = node.kind in _IN_GRAPH
        if not (edge.certainty.certain and in_graph):
            partitions[node.asset, edge.certainty, in_graph] += node.partition is not None
    return tuple(
        UnclearInput(asset=asset, partitions=count, certainty=certainty, in_graph=in_graph)
        for (asset, certainty, in_graph), count in sorted(partitions.items())
    )


def _current_states(
    inputs: Sequence[LineageNode], settings: Settings
) -> Mapping[AssetPartition, InputNow] | None:
    for plugin in entry_points(group="pedigree.asset_graphs"):
        try:
            ask: AskAssetGraph = plugin.load()
        except ImportError:
            continue  # the plug-in's extra is not installed, so it has no graph
        if (answer := ask(inputs, settings)) is not None:
            return answer
    return None
