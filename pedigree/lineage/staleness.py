"""How far data and code have moved on since a version was trained.

What is there *now* is known to the asset graph alone, so it is asked through a plug-in (entry point
group ``pedigree.asset_graphs``); the kernel itself knows no orchestrator.
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
    """What an input is now, and how often it has changed since a training read it."""

    data_version: str | None = Field(description="None: it has no event (any more)")
    data_behind: int = Field(ge=0, description="Changes of its data version since")
    code_behind: int = Field(ge=0, description="Changes of the code that makes it since")


AskAssetGraph: TypeAlias = Callable[
    [Sequence[LineageNode], Settings], Mapping[AssetPartition, InputNow] | None
]
"""Return what each input of a training is now.

The whole answer is None where no asset graph is within reach.
"""


class StaleInput(Record):
    """An input that is no more what a version was trained on, or possibly was trained on."""

    asset: str
    partition: str | None = None
    trained_on: str | None = Field(description="The data version that the training used")
    now: str | None = Field(description="The data version that is there now; None if it is gone")
    data_behind: int = Field(ge=0, description="Changes of its data version since")
    code_behind: int = Field(ge=0, description="Changes of the code that makes it since")
    certainty: Certainty = Field(
        # What an earlier release saw, and kept, it did not say.
        default=Certainty.POSSIBLE,
        description="How certain it is that the training used this state of it",
    )


class UnclearInput(Record):
    """A direct input of which it is not clear what was used, or what it is now."""

    asset: str
    partitions: int = Field(description="How many of its partitions; 0: none is known")
    certainty: Certainty = Field(description="How certain it is that the training used them")
    in_graph: bool = Field(description="False: no asset graph can be asked what it is now")


class Staleness(Record):
    """How far a version is behind; nothing is claimed where no asset graph could be asked."""

    known: bool
    inputs: tuple[StaleInput, ...] = Field(
        default=(), description="Those direct inputs that are no more what they were"
    )
    newer_code: tuple[str, ...] = Field(
        default=(), description="Code versions of the model's own training since"
    )
    unclear: tuple[UnclearInput, ...] = Field(
        default=(),
        description="Direct inputs of which it is not clear what was used, or what they are now",
    )
    complete: bool = Field(
        default=False, description="False: there may be inputs that are not recorded"
    )
    seen_at: datetime | None = Field(
        default=None, description="When the asset graph was looked at; None: just now"
    )

    @property
    def stale(self) -> bool | None:
        """True, False, or None where it is not known.

        False only where every direct input is certain, and is what it was.
        """
        if not self.known:
            return None
        if self.newer_code or any(one.certainty.certain for one in self.inputs):
            return True
        return None if self.inputs or self.unclear or not self.complete else False

    @property
    def data_behind(self) -> int:
        """How many data versions it is behind, over all inputs and partitions."""
        return sum(one.data_behind for one in self.inputs)

    @property
    def code_behind(self) -> int:
        """How many code versions it is behind: of its own training, and of what makes its inputs.

        The partitions of an asset are made by one code, so the one that is most behind counts.
        """
        by_asset: dict[str, int] = {}
        for one in self.inputs:
            by_asset[one.asset] = max(by_asset.get(one.asset, 0), one.code_behind)
        return len(self.newer_code) + sum(by_asset.values())


_IN_GRAPH = frozenset({NodeKind.MATERIALIZATION, NodeKind.OBSERVATION})


def observed_inputs(graph: LineageGraph) -> tuple[LineageNode, ...]:
    """Return the direct inputs of a training that an asset graph can be asked about.

    Where several states of one partition are possible, it is the oldest: so that an input counts as
    unchanged only if it is so whichever of them was used.
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
    """Compare the direct inputs of a training with what the asset graphs hold now.

    Args:
        graph: The training's lineage.
        newer_code: The code versions of later trainings of the model.
        settings: Where the asset graphs are looked for.
    """
    inputs = observed_inputs(graph)
    now = _ask(inputs, settings) if inputs else {}
    if now is None:
        return Staleness(known=False)
    return compared(graph, now, newer_code)


def compared(
    graph: LineageGraph, now: Mapping[AssetPartition, InputNow], newer_code: Sequence[str]
) -> Staleness:
    """Compare the direct inputs of a training with what they are now."""
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


def _ask(
    inputs: Sequence[LineageNode], settings: Settings
) -> Mapping[AssetPartition, InputNow] | None:
    for plugin in entry_points(group="pedigree.asset_graphs"):
        try:
            ask: AskAssetGraph = plugin.load()
        except ImportError:
            continue  # the plug-in's own extra is not installed, so it has no graph to ask
        if (answer := ask(inputs, settings)) is not None:
            return answer
    return None
