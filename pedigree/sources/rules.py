"""What becomes of a source: it is fetched, registered by reference, or refused."""

from collections.abc import Sequence

from pedigree._source_settings import SourceRule, Treatment
from pedigree.errors import InvalidSourceError
from pedigree.sources import refusals
from pedigree.sources.uri import (
    HOST_SCHEMES,
    FileSource,
    ForeignSource,
    LoggedModelSource,
    ObjectSource,
    ProxiedSource,
    RunSource,
    WebSource,
)

Place = ObjectSource | WebSource | FileSource | ForeignSource
"""Where bytes may be, as a URI says by itself."""
RuledSource = Place | LoggedModelSource | RunSource | ProxiedSource


def require_treatment(
    source: str, place: RuledSource, rules: Sequence[SourceRule], *, has_upstream: bool
) -> Treatment:
    """Return what becomes of a source that is not refused.

    Without a rule, what the tracking server resolves is fetched from there, a store of objects or a
    scheme that the service cannot read is registered by reference, and a path of this machine or a
    host that the URI selects is refused, as MLflow refuses them.

    Args:
        source: The source as the client sent it.
        place: The same, or where it is.
        rules: The rules of the setting.
        has_upstream: Whether there is a tracking server that resolves its URIs.

    Raises:
        InvalidSourceError: It is refused.
    """
    rule = _longest(place.uri, rules)
    treatment = rule.treatment if rule else _without_rule(place, has_upstream=has_upstream)
    if treatment is Treatment.REFUSE:
        raise _refusal(source, place, by_rule=rule is not None)
    if treatment is Treatment.SEAL and isinstance(place, ForeignSource):
        raise refusals.refused(source, f"The service cannot fetch from {place.scheme}:")
    return treatment


def allowed_folder(source: str, place: FileSource, rules: Sequence[SourceRule]) -> str:
    """Return the folder of this machine, below which a rule allows a path.

    Raises:
        InvalidSourceError: No rule allows it.
    """
    rule = _longest(place.uri, rules)
    if rule is None or rule.treatment is not Treatment.SEAL:
        raise refusals.local(source)
    return rule.prefix.removeprefix("file:").removeprefix("//")


def _longest(uri: str, rules: Sequence[SourceRule]) -> SourceRule | None:
    found = [rule for rule in rules if uri == rule.prefix or uri.startswith(f"{rule.prefix}/")]
    return max(found, key=lambda rule: len(rule.prefix), default=None)


def _without_rule(place: RuledSource, *, has_upstream: bool) -> Treatment:
    match place:
        case FileSource() | WebSource():
            return Treatment.REFUSE
        case ObjectSource(scheme=scheme) | ForeignSource(scheme=scheme):
            return Treatment.REFUSE if scheme in HOST_SCHEMES else Treatment.REFERENCE
    return Treatment.SEAL if has_upstream else Treatment.REFERENCE


def _refusal(source: str, place: RuledSource, *, by_rule: bool) -> InvalidSourceError:
    match place:
        case FileSource():
            return refusals.local(source)
        case ObjectSource(scheme=scheme) | ForeignSource(scheme=scheme) if not by_rule:
            return refusals.other_host(scheme)
        case WebSource() if not by_rule:
            return refusals.other_host(place.uri.partition(":")[0])
    return refusals.refused(source, "A rule of PEDIGREE_MLFLOW_SOURCES refuses it")
