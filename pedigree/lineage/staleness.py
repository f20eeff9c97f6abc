"""How far data and code have moved on since a version was trained.

What is there *now* is known to the asset graph alone, so it is asked through a plug-in (entry point
group ``pedigree.asset_graphs``); the kernel itself knows no orchestrator.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from importlib.metadata import entry_points
from typing import TypeAlias

from pydantic import Field

from pedigree._record import Record
from pedigree.lineage.records import LineageGraph, LineageNode, NodeKind
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
    """An input that is no more what a version was trained on."""

    asset: str
    partition: str | None = None
    trained_on: str | None = Field(description="The data version that the training used")
    now: str | None = Field(description="The data version that is there now; None if it is gone")
    data_behind: int = Field(ge=0, description="Changes of its data version since")
    code_behind: int = Field(ge=0, description="Changes of the code that makes it since")


class Staleness(Record):
    """How far a version is behind; nothing is claimed where no asset graph could be asked."""

    known: bool
    inputs: tuple[StaleInput, ...] = Field(
        default=(), description="Those direct inputs that are no more what they were"
    )
    newer_code: tuple[str, ...] = Field(
        default=(), description="Code versions of the model's own training since"
    )
    seen_at: datetime | None = Field(
        default=None, description="When the asset graph was looked at; None: just now"
    )

    @property
    def stale(self) -> bool | None:
        """True, False, or None where it is not known."""
        return bool(self.inputs or self.newer_code) if self.known else None

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
    """Return the direct inputs of a training that an asset graph can be asked about."""
    return tuple(node for node, _ in graph.inputs() if node.kind in _IN_GRAPH)


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
    return compared(inputs, now, newer_code)


def compared(
    inputs: Sequence[LineageNode],
    now: Mapping[AssetPartition, InputNow],
    newer_code: Sequence[str],
) -> Staleness:
    """Compare the inputs of a training with what they are now."""
    found = []
    for node in inputs:
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
                )
            )
    return Staleness(known=True, inputs=tuple(found), newer_code=tuple(newer_code))


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
