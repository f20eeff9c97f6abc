"""What is exported of a version, and the names that its parts have in every format."""

import json
import uuid
from collections.abc import Mapping
from typing import NamedTuple

from pedigree.catalog.records import ModelVersion, Training
from pedigree.lineage.records import LineageEdge, LineageGraph, LineageNode, NodeKind

# Names runs whose id is no UUID, such as that of a training outside Dagster.
_RUNS = uuid.UUID("5f0f6ff5-6f8b-5c0e-9a53-3a2b1f3e7d10")
_FACTS = ("kind", "partition", "storage_id", "run_id", "data_version", "code_version", "at")


class Exported(NamedTuple):
    """A version with one of its trainings, and the graph behind that."""

    version: ModelVersion
    training: Training
    graph: LineageGraph

    @property
    def step(self) -> LineageNode:
        """The training itself; made up where a version was registered without any lineage."""
        for node in self.graph.nodes:
            if node.kind is NodeKind.STEP:
                return node
        origin = self.training.origin
        asset = origin.asset or origin.job_name or self.version.model_name
        run_id = self.training.metadata.run_id
        return LineageNode(node_id=0, kind=NodeKind.STEP, asset=asset, run_id=run_id)

    @property
    def instance(self) -> str:
        """The Dagster instance on which it was trained, or ``unknown``."""
        return self.training.origin.instance_id or "unknown"

    def sources(self) -> Mapping[int, list[tuple[LineageNode, LineageEdge]]]:
        """Return what each node that used something used, by its id."""
        nodes = {node.node_id: node for node in self.graph.nodes}
        found: dict[int, list[tuple[LineageNode, LineageEdge]]] = {}
        for edge in self.graph.edges:
            found.setdefault(edge.consumer, []).append((nodes[edge.source], edge))
        return found

    def code(self) -> dict[str, str]:
        """Return by which code and in which environment it was trained, as far as that is known."""
        metadata = self.training.metadata
        may_use = self.graph.not_ruled_out() if self.graph.nodes else None
        known = {
            "may_depend_on": _assets(may_use),
            "git_commit": metadata.git_commit,
            "git_dirty": json.dumps(metadata.git_dirty),
            "git_source": metadata.git_source,
            "code_version": metadata.code_version,
            "environment_hash": metadata.environment_hash,
            "raced": json.dumps(self.graph.raced),
        }
        return {name: value for name, value in known.items() if value is not None}


def facts_of(node: LineageNode) -> dict[str, str]:
    """Return what is known of a node as texts, and under ``not_known`` the names of the rest."""
    said = node.model_dump(mode="json")
    known = {name: str(said[name]) for name in _FACTS if said[name] is not None}
    missing = [name for name in _FACTS if said[name] is None and name != "partition"]
    if node.kind is NodeKind.MISSING and (upstream := _assets(node.upstream)):
        known["may_depend_on"] = upstream
    return {**known, "not_known": ", ".join(missing)} if missing else known


def how_known(edge: LineageEdge) -> dict[str, str]:
    """Return how it is known, and how certain it is, that something was used."""
    return {"known_by": edge.capture.value, "certainty": edge.certainty.value}


def _assets(upstream: tuple[str, ...] | None) -> str | None:
    """Name assets of which it is not known whether they were used; None: none."""
    return "any asset" if upstream is None else ", ".join(upstream) or None


def name_of(node: LineageNode) -> str:
    """Return an asset, or one of its partitions, as ``flights[2013-01]``."""
    return node.asset if node.partition is None else f"{node.asset}[{node.partition}]"


def run_uuid(run_id: str) -> str:
    """Return a run's id as a UUID: its own where it is one, else always the same for one text."""
    try:
        return str(uuid.UUID(run_id))
    except ValueError:
        return str(uuid.uuid5(_RUNS, run_id))
