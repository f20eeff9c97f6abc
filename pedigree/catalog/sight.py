"""What a user who may read only some models sees of versions that other models were made with.

A lineage graph, a usage or a comparison of a readable version can lead to a version of another
model. Such a state stays in the answer, because it exists, but as :data:`HIDDEN`: without its
asset, its partition and its data version.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple, TypeAlias

from pedigree._record import RecordPage
from pedigree.catalog.diff_records import LineageDifference, VersionComparison
from pedigree.catalog.quarantine_records import Quarantine
from pedigree.catalog.store import SQL
from pedigree.lineage.records import HIDDEN, LineageGraph, LineageNode, NodeKind
from pedigree.lineage.staleness import Staleness
from pedigree.lineage.usages import Downstream, Usage
from pedigree.postgres.transaction import Transaction

State: TypeAlias = tuple[str, str | None]
"""An asset, and the data version of one of its states; None for any state."""
Place: TypeAlias = tuple[str, str | None]
"""An asset, and one of its partitions."""


class Sight(NamedTuple):
    """What one user sees.

    Args:
        transaction: Where to look up whose version a state is.
        may_read: Whether they may read a model.
        is_limited: Whether there may be models that they may not read.
    """

    transaction: Transaction
    may_read: Callable[[str], bool]
    is_limited: bool

    def graph(self, graph: LineageGraph) -> LineageGraph:
        """Return a lineage graph whose hidden nodes say only that they exist."""
        if not self.is_limited or not graph.nodes:
            return graph
        hidden = self._hidden_in(graph)

        def upstream(node: LineageNode) -> tuple[str, ...] | None:
            return node.upstream and tuple(
                dict.fromkeys(HIDDEN if (each, None) in hidden else each for each in node.upstream)
            )

        nodes = (
            LineageNode(
                node_id=node.node_id, kind=NodeKind.HIDDEN, asset=HIDDEN, upstream=upstream(node)
            )
            if _is_hidden(node, hidden)
            else node.model_copy(update={"upstream": upstream(node)})
            for node in graph.nodes
        )
        return graph.model_copy(update={"nodes": tuple(nodes)})

    def downstream(self, found: Downstream) -> Downstream:
        """Return a version's uses, of which hidden ones say only that they exist."""
        return found.model_copy(update={"usages": self.usages(found.usages)})

    def usages(self, found: tuple[Usage, ...]) -> tuple[Usage, ...]:
        """Return uses of versions; those whose output is hidden say only that they exist."""
        if not self.is_limited or not found:
            return found
        hidden = self._hidden((use.asset, use.data_version) for use in found)
        nothing = {"asset": HIDDEN, "partition": None, "data_version": None, "code_version": None}
        return tuple(
            use.model_copy(update=nothing) if (use.asset, use.data_version) in hidden else use
            for use in found
        )

    def quarantines(self, found: RecordPage[Quarantine]) -> RecordPage[Quarantine]:
        """Return quarantines; those of the data of hidden models do not name it."""
        hidden = self.hidden_assets(each.asset for each in found if each.asset is not None)
        nothing = {"asset": HIDDEN, "partition": None}
        return RecordPage(
            (each.model_copy(update=nothing) if each.asset in hidden else each for each in found),
            is_cut=found.is_cut,
        )

    def data(self, assets: Collection[str], visible: Sequence[str] | None) -> Collection[str]:
        """Return the assets whose data they may read about.

        Those are the ones that a readable version depends on, without versions of hidden models.

        Args:
            assets: The assets.
            visible: The names of the models that they may read; all models when None.
        """
        if visible is None:
            return assets
        columns = {"assets": list(set(assets)), "visible": list(visible)}
        rows = self.transaction.execute(SQL["data_of_models"], columns)
        used = {row["asset"] for row in rows.fetchall()}
        return used - self.hidden_assets(used)

    def hidden_assets(self, assets: Iterable[str]) -> frozenset[str]:
        """Return the assets whose data are versions of models, none of which they may read."""
        if not self.is_limited:
            return frozenset()
        return frozenset(asset for asset, _ in self._hidden((asset, None) for asset in assets))

    def comparison(self, found: VersionComparison, *graphs: LineageGraph) -> VersionComparison:
        """Return a comparison in which hidden inputs of the two graphs have no names."""
        hidden = self._hidden_places(graphs)
        nothing = {"asset": HIDDEN, "partition": None, "a": None, "b": None}
        data = (
            change.model_copy(update=nothing)
            if (change.asset, change.partition) in hidden
            else change
            for change in found.data
        )
        return found.model_copy(update={"data": tuple(data)}) if hidden else found

    def difference(self, found: LineageDifference, *graphs: LineageGraph) -> LineageDifference:
        """Return a difference in which hidden inputs of the two graphs have no names."""
        hidden = self._hidden_places(graphs)
        nothing = dict.fromkeys(("partition", "data_a", "data_b", "code_a", "code_b"))
        data = (
            change.model_copy(update={**nothing, "asset": HIDDEN})
            if (change.asset, change.partition) in hidden
            else change
            for change in found.data
        )
        return found.model_copy(update={"data": tuple(data)}) if hidden else found

    def staleness(self, found: Staleness) -> Staleness:
        """Return a staleness in which hidden inputs have no names."""
        if not self.is_limited:
            return found
        hidden = self._hidden(
            [(each.asset, state) for each in found.inputs for state in (each.trained_on, each.now)]
            + [(each.asset, None) for each in found.unclear]
        )
        nothing = {"asset": HIDDEN, "partition": None, "trained_on": None, "now": None}
        inputs = (
            each.model_copy(update=nothing)
            if {(each.asset, each.trained_on), (each.asset, each.now)} & hidden
            else each
            for each in found.inputs
        )
        unclear = (
            each.model_copy(update={"asset": HIDDEN}) if (each.asset, None) in hidden else each
            for each in found.unclear
        )
        return found.model_copy(update={"inputs": tuple(inputs), "unclear": tuple(unclear)})

    def _hidden_places(self, graphs: Collection[LineageGraph]) -> frozenset[Place]:
        if not self.is_limited:
            return frozenset()
        return frozenset(
            (node.asset, node.partition)
            for graph in graphs
            for hidden in [self._hidden_in(graph)]
            for node in graph.nodes
            if _is_hidden(node, hidden)
        )

    def _hidden_in(self, graph: LineageGraph) -> frozenset[State]:
        states: set[State] = {(node.asset, node.data_version) for node in graph.nodes}
        states |= {(asset, None) for node in graph.nodes for asset in node.upstream or ()}
        return self._hidden(states)

    def _hidden(self, states: Iterable[State]) -> frozenset[State]:
        """Return the states that are versions of models, none of which they may read."""
        wanted = list(dict.fromkeys(states))
        columns = {
            "assets": [asset for asset, _ in wanted],
            "data_versions": [data_version for _, data_version in wanted],
        }
        models: defaultdict[int, set[str]] = defaultdict(set)
        versions: defaultdict[int, set[str]] = defaultdict(set)
        for row in self.transaction.execute(SQL["models_of_states"], columns).fetchall():
            models[row["place"]].add(row["name"])
            if row["is_version"]:
                versions[row["place"]].add(row["name"])
        return frozenset(
            wanted[place]
            for place, names in models.items()
            if not any(map(self.may_read, versions.get(place) or names))
        )


def _is_hidden(node: LineageNode, hidden: Collection[State]) -> bool:
    """Return whether a node is hidden; the step is the training of the readable version itself."""
    return node.kind is not NodeKind.STEP and (node.asset, node.data_version) in hidden
