"""Where the bytes of a source are, and which run made them, as the tracking server says.

The server must say that the run or logged model that a client names contains the source: otherwise
a version would claim the lineage of somebody else's run.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import unquote, urlsplit

from pedigree.errors import InvalidSourceError
from pedigree.sources import refusals
from pedigree.sources.claims import OriginClaim
from pedigree.sources.rules import Place, RuledSource
from pedigree.sources.upstream import TrackingServer
from pedigree.sources.upstream_records import UpstreamModel, UpstreamRun
from pedigree.sources.uri import (
    LoggedModelSource,
    ProxiedSource,
    RegisteredSource,
    RunSource,
    parse_source,
)

# A run that logs more models than these is searched no further for the one of a path.
_MOST_MODELS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedSource:
    """A source whose place is known, and what the tracking server knows of its origin."""

    place: Place | ProxiedSource
    run: UpstreamRun | None = None
    model: UpstreamModel | None = None


def resolve(claim: OriginClaim, source: RuledSource, server: TrackingServer) -> ResolvedSource:
    """Return where a source is, and the run and logged model that contain it.

    Args:
        claim: What the client says; :func:`require_consistent` has compared it with the source.
        source: The source.
        server: The tracking server.

    Raises:
        InvalidSourceError: The run or logged model does not exist, or does not contain the source.
        SourceUnavailableError: The server does not answer.
    """
    if claim.model_id and not isinstance(source, RunSource):
        return _of_model(claim, source, server)
    if not claim.run_id:
        return ResolvedSource(place=_place(claim, source.uri, server))
    run = server.run(claim.run_id)
    if isinstance(source, RunSource | ProxiedSource):
        if run is None:
            raise refusals.not_contained(claim.source, "run_id")
        return _in_run(claim, source, run, server)
    place = _place(claim, source.uri, server)
    # MLflow's server does not ask whether a bucket is the run's; here its lineage is, if it is.
    is_its_own = run is not None and is_within(source.uri, run.artifact_uri)
    return ResolvedSource(place=place, run=run if is_its_own else None)


def is_within(uri: str, root: str) -> bool:
    """Return whether a URI lies in the folder of another one, by whole parts of its path.

    >>> is_within("s3://b/0/run/model", "s3://b/0/run")
    True
    >>> is_within("s3://b/0/run-2/model", "s3://b/0/run")
    False
    """
    inner, outer = urlsplit(uri), urlsplit(root)
    if (inner.scheme, inner.netloc.lower()) != (outer.scheme, outer.netloc.lower()):
        return False
    parts = [part for part in unquote(outer.path).split("/") if part]
    found = [part for part in unquote(inner.path).split("/") if part]
    return bool(parts) and found[: len(parts)] == parts


def _of_model(claim: OriginClaim, source: RuledSource, server: TrackingServer) -> ResolvedSource:
    model = server.model(claim.model_id or "")
    if model is None:
        if isinstance(source, LoggedModelSource | ProxiedSource):
            raise refusals.not_contained(claim.source, "model_id")
        return ResolvedSource(place=_place(claim, source.uri, server))
    if claim.run_id and model.run_id and claim.run_id != model.run_id:
        raise refusals.not_contained(claim.source, "run_id")
    run_id = model.run_id or claim.run_id
    run = server.run(run_id) if run_id else None
    found = ResolvedSource(place=_place(claim, model.artifact_uri, server), run=run, model=model)
    if isinstance(source, LoggedModelSource):
        return found
    place = _place(claim, source.uri, server)
    if is_within(place.uri, found.place.uri):
        return replace(found, place=place)
    if isinstance(source, ProxiedSource):
        raise refusals.not_contained(claim.source, "model_id")
    return ResolvedSource(place=place)


def _in_run(
    claim: OriginClaim,
    source: RunSource | ProxiedSource,
    run: UpstreamRun,
    server: TrackingServer,
) -> ResolvedSource:
    root = _place(claim, run.artifact_uri, server)
    if isinstance(source, ProxiedSource):
        if is_within(source.uri, root.uri):
            return ResolvedSource(place=source, run=run)
        model = _logged(run, server, lambda each: is_within(source.uri, each.artifact_uri))
        if model is None:
            raise refusals.not_contained(claim.source, "run_id")
        return ResolvedSource(place=source, run=run, model=model)
    # Since MLflow 3 a run's model is logged outside the run's artifacts, under its own id.
    model = _logged(run, server, lambda each: each.name == source.path)
    if model is not None:
        place = _place(claim, model.artifact_uri, server)
        return ResolvedSource(place=place, run=run, model=model)
    return ResolvedSource(
        place=_place(claim, f"{root.uri}/{source.path}".rstrip("/"), server), run=run
    )


def _logged(
    run: UpstreamRun, server: TrackingServer, is_wanted: Callable[[UpstreamModel], bool]
) -> UpstreamModel | None:
    """Return the newest wanted model of those that a run logged."""
    for model_id in reversed(run.model_ids[-_MOST_MODELS:]):
        model = server.model(model_id)
        if model is not None and model.run_id == run.run_id and is_wanted(model):
            return model
    return None


def _place(claim: OriginClaim, uri: str, server: TrackingServer) -> Place | ProxiedSource:
    """Return a place that the client or the tracking server names.

    Raises:
        InvalidSourceError: It is not one, or would have to be resolved again.
    """
    parts = urlsplit(uri)
    if parts.scheme == "mlflow-artifacts" and server.is_its_host(parts.netloc):
        uri = f"mlflow-artifacts:{parts.path}"
    try:
        place = parse_source(uri)
    except InvalidSourceError as error:
        raise refusals.refused(claim.source, "Its tracking server names no place of it") from error
    if isinstance(place, RegisteredSource | LoggedModelSource | RunSource):
        raise refusals.refused(claim.source, "Its tracking server names another source for it")
    return place
