"""Whether the data has moved on since a version was trained.

What is there *now* is known to the asset graph alone, so it is asked through a plug-in (entry point
group ``pedigree.asset_graphs``); the kernel itself knows no orchestrator.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import entry_points
from typing import TypeAlias

from pedigree._record import Record
from pedigree.lineage.records import LineageGraph, NodeKind, StaleInput
from pedigree.settings import Settings

AssetPartition: TypeAlias = tuple[str, str | None]
CurrentDataVersions: TypeAlias = Callable[
    [Sequence[AssetPartition], Settings], Mapping[AssetPartition, str | None] | None
]
"""Return the current data version of each input, None for one that has none (any more).

The whole answer is None where no asset graph is within reach.
"""

_IN_GRAPH = frozenset({NodeKind.MATERIALIZATION, NodeKind.OBSERVATION})


class Staleness(Record):
    """Which inputs have moved on; nothing is claimed where no asset graph could be asked."""

    known: bool
    inputs: tuple[StaleInput, ...] = ()

    @property
    def stale(self) -> bool | None:
        """True, False, or None where it is not known."""
        return bool(self.inputs) if self.known else None


def staleness(graph: LineageGraph, settings: Settings) -> Staleness:
    """Compare the direct inputs of a training with what the asset graphs hold now."""
    trained_on = {
        (node.asset, node.partition): node.data_version
        for node, _ in graph.inputs()
        if node.kind in _IN_GRAPH
    }
    if not trained_on:
        return Staleness(known=True)
    now = _current(sorted(trained_on, key=repr), settings)
    if now is None:
        return Staleness(known=False)
    return Staleness(
        known=True,
        inputs=tuple(
            StaleInput(asset=asset, partition=partition, trained_on=then, now=current)
            for (asset, partition), then in trained_on.items()
            if (current := now.get((asset, partition))) != then
        ),
    )


def _current(
    inputs: Sequence[AssetPartition], settings: Settings
) -> Mapping[AssetPartition, str | None] | None:
    for plugin in entry_points(group="pedigree.asset_graphs"):
        try:
            ask: CurrentDataVersions = plugin.load()
        except ImportError:
            continue  # the plug-in's own extra is not installed, so it has no graph to ask
        if (answer := ask(inputs, settings)) is not None:
            return answer
    return None
