"""Rows of the lineage graph ↔ records."""

from pedigree.lineage.records import LineageEdge, LineageGraph, LineageNode
from pedigree.postgres.queries import load_queries
from pedigree.postgres.transaction import Transaction

_SQL = load_queries(__package__)


def insert_lineage(transaction: Transaction, training_id: str, graph: LineageGraph) -> None:
    """Write the graph of a training that the same transaction wrote."""
    key = {"training_id": training_id}
    cursor = transaction.cursor()
    if graph.nodes:
        nodes = [{**key, **node.model_dump()} for node in graph.nodes]
        cursor.executemany(_SQL["insert_node"], nodes)
    if graph.edges:
        edges = [{**key, **edge.model_dump()} for edge in graph.edges]
        cursor.executemany(_SQL["insert_edge"], edges)


def read_lineage(
    transaction: Transaction, name_key: str, version: int, *, newest: bool
) -> LineageGraph:
    """Return the lineage of a version's first training, or of its newest one."""
    training = transaction.execute(
        _SQL["training_of_version"], {"name_key": name_key, "version": version, "newest": newest}
    ).fetchone()
    if training is None:
        return LineageGraph()
    key = {"training_id": training["training_id"]}
    return LineageGraph(
        nodes=tuple(LineageNode(**row) for row in transaction.execute(_SQL["nodes"], key)),
        edges=tuple(LineageEdge(**row) for row in transaction.execute(_SQL["edges"], key)),
        raced=training["raced"],
    )
