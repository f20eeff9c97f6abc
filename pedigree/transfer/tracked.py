"""What MLflow knows of a run, as the registry learns it from any tracking server."""

import re
from collections.abc import Mapping

from pydantic import JsonValue

from pedigree._storable import storable, storable_text
from pedigree._values import KEY_BYTES
from pedigree.sources.resolving import ResolvedSource
from pedigree.sources.upstream_records import UpstreamDataset, UpstreamModel, UpstreamRun
from pedigree.sources.uri import ForeignSource
from pedigree.transfer.carriage import finite
from pedigree.transfer.origin_records import (
    OriginFacts,
    OriginLoggedModel,
    OriginRun,
    OriginVersion,
)
from pedigree.transfer.report import Reporting

_COMMIT = re.compile(r"[0-9a-f]{7,64}")


def resolved(facts: OriginFacts, version: OriginVersion, reporting: Reporting) -> ResolvedSource:
    """Return the run and the logged model of a version; note the metrics that are no numbers."""
    run, logged = facts.run, facts.logged_model
    return ResolvedSource(
        place=ForeignSource("mlflow", facts.location or version.source),
        run=_run(run, finite(run.metrics, reporting, version)) if run else None,
        model=_model(logged, finite(logged.metrics, reporting, version)) if logged else None,
    )


def claimed_of(origin: str, version: OriginVersion, facts: OriginFacts) -> dict[str, JsonValue]:
    """Return what MLflow claims of a version: its times and users, its run and datasets."""
    stated = version.model_dump(
        mode="json", include={"name", "number", "user", "created_at", "updated_at", "status"}
    )
    return storable({"origin": origin, **stated, **facts.claimed()})


def _run(run: OriginRun, metrics: Mapping[str, float]) -> UpstreamRun:
    commit = run.tags.get("mlflow.source.git.commit", "")
    return UpstreamRun(
        run_id=run.run_id,
        artifact_uri=run.artifacts or "",
        user=run.tags.get("mlflow.user") or run.user,
        ended_at=run.ended_at,
        git_commit=commit if _COMMIT.fullmatch(commit) else None,
        metrics=metrics,
        not_finite=frozenset(run.metrics) - metrics.keys(),
        params={key: storable_text(value) for key, value in run.params.items()},
        datasets=tuple(
            UpstreamDataset(name=storable_text(name, KEY_BYTES - 100), digest=digest or None)
            for name, digest in {each.name: each.digest for each in run.datasets}.items()
        ),
    )


def _model(logged: OriginLoggedModel, metrics: Mapping[str, float]) -> UpstreamModel:
    return UpstreamModel(
        model_id=logged.model_id,
        name=None,
        artifact_uri=logged.artifacts or "",
        run_id=logged.run_id,
        metrics=metrics,
        params={key: storable_text(value) for key, value in logged.params.items()},
    )
