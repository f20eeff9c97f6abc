"""The exported parts of a version, and their names in every format."""

import json
import uuid
from collections.abc import Mapping
from typing import NamedTuple

from pedigree.catalog.metadata_records import RecordedMetadata
from pedigree.catalog.records import ModelVersion, Training, TrainingOrigin
from pedigree.lineage.records import LineageEdge, LineageGraph, LineageNode, NodeKind

# Namespace for runs whose id is not a UUID, such as a training outside Dagster.
_RUNS = uuid.UUID("5f0f6ff5-6f8b-5c0e-9a53-3a2b1f3e7d10")
_FACTS = ("kind", "partition", "storage_id", "run_id", "data_version", "code_version", "at")


class Exported(NamedTuple):
    """A version with one of its trainings, and the lineage graph of that training."""

    version: ModelVersion
    training: Training | None
    """None if no training of it is known."""
    graph: LineageGraph

    @property
    def step(self) -> LineageNode:
        """The training itself; generated if the version was registered without lineage."""
        for node in self.graph.nodes:
            if node.kind is NodeKind.STEP:
                return node
        origin = self.origin
        asset = origin.asset or origin.job_name or self.version.model_name
        return LineageNode(node_id=0, kind=NodeKind.STEP, asset=asset, run_id=self.metadata.run_id)

    @property
    def metadata(self) -> RecordedMetadata:
        """What is known about the training."""
        return self.training.metadata if self.training else self.version

    @property
    def origin(self) -> TrainingOrigin:
        """Where it ran, as far as known."""
        return self.training.origin if self.training else TrainingOrigin()

    @property
    def instance(self) -> str:
        """The Dagster instance on which it was trained, or ``unknown``."""
        return self.origin.instance_id or "unknown"

    def sources(self) -> Mapping[int, list[tuple[LineageNode, LineageEdge]]]:
        """Return the inputs of each node, by the node's id."""
        nodes = {node.node_id: node for node in self.graph.nodes}
        found: dict[int, list[tuple[LineageNode, LineageEdge]]] = {}
        for edge in self.graph.edges:
            found.setdefault(edge.consumer, []).append((nodes[edge.source], edge))
        return found

    def code(self) -> dict[str, str]:
        """Return the code and the environment of the training, as far as known."""
        metadata = self.metadata
        may_use = self.graph.not_ruled_out() if self.graph.nodes else None
        known = {
            "may_depend_on": _assets(may_use),
            "git_commit": metadata.git_commit,
            "git_dirty": None if metadata.git_dirty is None else json.dumps(metadata.git_dirty),
            "git_source": metadata.git_source,
            "code_version": metadata.code_version,
            "environment_hash": metadata.environment_hash,
            "raced": json.dumps(self.graph.raced),
        }
        return {name: value for name, value in known.items() if value is not None}


def facts_of(node: LineageNode) -> dict[str, str]:
    """Return the known facts of a node as texts; ``not_known`` lists the names of the others."""
    fields = node.model_dump(mode="json")
    known = {name: str(fields[name]) for name in _FACTS if fields[name] is not None}
    missing = [name for name in _FACTS if fields[name] is None and name != "partition"]
    if node.kind is NodeKind.MISSING and (upstream := _assets(node.upstream)):
        known["may_depend_on"] = upstream
    return {**known, "not_known": ", ".join(missing)} if missing else known


def how_known(edge: LineageEdge) -> dict[str, str]:
    """Return the capture and the certainty of an edge."""
    return {"known_by": edge.capture.value, "certainty": edge.certainty.value}


def _assets(upstream: tuple[str, ...] | None) -> str | None:
    """Return the assets for which it is not known whether they were used; None if there is none."""
    return "any asset" if upstream is None else ", ".join(upstream) or None


def name_of(node: LineageNode) -> str:
    """Return an asset, or one of its partitions, as ``flights[2013-01]``."""
    return node.asset if node.partition is None else f"{node.asset}[{node.partition}]"


def run_of(training: Training) -> str:
    """Return the UUID of a training's run; of the training, if its run is not known."""
    return run_uuid(training.metadata.run_id or training.training_id)


def run_uuid(run_id: str) -> str:
    """Return a run's id as a UUID: the id itself if it is one, else a UUID derived from it."""
    try:
        return str(uuid.UUID(run_id))
    except ValueError:
        return str(uuid.uuid5(_RUNS, run_id))
