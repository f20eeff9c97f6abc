"""What MLflow knows of the run that made a model, as a training of the registry and its lineage.

MLflow is named as where it was learnt: in the source of the commit, the origin's job, and the names
of the data. Nothing is invented: the run says which data it used, and not that it used no other.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

from pydantic import JsonValue

from pedigree._values import JSON_BYTES, KEY_BYTES
from pedigree.access.pseudonyms import Names
from pedigree.catalog.metadata_records import RecordedMetadata
from pedigree.catalog.records import TrainingOrigin
from pedigree.lineage.records import (
    Capture,
    Certainty,
    LineageEdge,
    LineageGraph,
    LineageNode,
    NodeKind,
)
from pedigree.sources.mlmodel import StatedModel
from pedigree.sources.resolving import ResolvedSource
from pedigree.sources.upstream_records import UpstreamModel, UpstreamRun

MLFLOW = "mlflow"

V = TypeVar("V", float, str)


class LearntTraining(NamedTuple):
    """What is known of a version and its training; the first is unknown in all fields at worst."""

    metadata: RecordedMetadata
    origin: TrainingOrigin = TrainingOrigin()
    lineage: LineageGraph = LineageGraph()


def learnt(
    description: str | None,
    tags: Mapping[str, str],
    found: ResolvedSource | None,
    model: StatedModel,
    names: Names,
) -> LearntTraining:
    """Return what is known of a version of an MLflow client.

    Args:
        description: The client's description.
        tags: The client's tags.
        found: The source as the tracking server knows it; None if it was not asked.
        model: What the files say of themselves.
        names: The pseudonyms of people.
    """
    run = found.run if found else None
    logged = found.model if found else None
    metadata = RecordedMetadata(
        flavor=model.flavor,
        signature=model.signature,
        run_id=run.run_id if run else None,
        git_commit=run.git_commit if run else None,
        git_dirty=None,  # MLflow does not record it
        git_source=MLFLOW if run and run.git_commit else None,
        metrics=_fitting(_metrics(run, logged)),
        params=dict[str, Any](
            _fitting({**(run.params if run else {}), **(logged.params if logged else {})})
        ),
        description=description,
        tags=dict(tags),
    )
    if run is None:
        return LearntTraining(metadata)
    return LearntTraining(metadata, _origin(run, names), _lineage(run))


def _metrics(run: UpstreamRun | None, logged: UpstreamModel | None) -> dict[str, float]:
    """Return the metrics of a logged model, and those of its run that it lacks.

    MLflow gives a logged model's NaN as 0, and only its run says that it is none.
    """
    found = {**(run.metrics if run else {}), **(logged.metrics if logged else {})}
    unknown = run.not_finite if run else frozenset()
    return {name: value for name, value in found.items() if name not in unknown}


def _fitting(values: Mapping[str, V]) -> dict[str, V]:
    """Return as many values as a record may have, by their names."""
    kept: dict[str, V] = {}
    left = JSON_BYTES - 2
    for name in sorted(values):
        left -= len(json.dumps({name: values[name]}))
        if left < 0:
            break
        kept[name] = values[name]
    return kept


def _origin(run: UpstreamRun, names: Names) -> TrainingOrigin:
    config: dict[str, JsonValue] = {"mlflow_run": run.run_id}
    if run.user is not None and len(run.user.encode()) <= KEY_BYTES:
        config["mlflow_user"] = names.pseudonym(run.user)
    return TrainingOrigin(job_name=MLFLOW, config=config)


def _lineage(run: UpstreamRun) -> LineageGraph:
    """Return a step that used the datasets of the run, and perhaps others."""
    step = LineageNode(
        node_id=0,
        kind=NodeKind.STEP,
        asset=f"{MLFLOW}/runs/{run.run_id}",
        run_id=run.run_id,
        at=run.ended_at,
        upstream=None,
    )
    data = tuple(
        LineageNode(
            node_id=number,
            kind=NodeKind.EXTERNAL,
            asset=f"{MLFLOW}/datasets/{dataset.name}",
            data_version=dataset.digest,
        )
        for number, dataset in enumerate(run.datasets, start=1)
    )
    edges = tuple(
        LineageEdge(
            consumer=0,
            source=node.node_id,
            capture=Capture.DECLARED,
            certainty=Certainty.POSSIBLE,
        )
        for node in data
    )
    return LineageGraph(nodes=(step, *data), edges=edges)
