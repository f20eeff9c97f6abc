"""What becomes of the source of a version: decided by the rules, and by the tracking server."""

from contextlib import suppress
from dataclasses import dataclass, replace

from pedigree._source_settings import Treatment
from pedigree.errors import SourceUnavailableError
from pedigree.settings import Settings
from pedigree.sources.claims import OriginClaim
from pedigree.sources.resolving import ResolvedSource, resolve
from pedigree.sources.rules import RuledSource, require_treatment
from pedigree.sources.upstream import TrackingServer
from pedigree.sources.uri import FileSource, ForeignSource, ObjectSource, WebSource


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedSource:
    """A source, what becomes of it, and what the tracking server knows of it."""

    place: RuledSource
    treatment: Treatment
    found: ResolvedSource | None = None

    @property
    def location(self) -> str | None:
        """Where the bytes are; None as long as only the tracking server could say it."""
        if self.found is not None:
            return self.found.place.uri
        is_place = isinstance(self.place, ObjectSource | WebSource | FileSource | ForeignSource)
        return self.place.uri if is_place else None


def decide(
    settings: Settings, claim: OriginClaim, place: RuledSource, server: TrackingServer | None
) -> DecidedSource:
    """Return what becomes of a source, as far as the tracking server answers now.

    Args:
        settings: The rules.
        claim: What the client says.
        place: The source.
        server: The tracking server; None without one.

    Raises:
        InvalidSourceError: It is refused.
    """
    rules, has_upstream = settings.mlflow_sources, server is not None
    treatment = require_treatment(claim.source, place, rules, has_upstream=has_upstream)
    decided = DecidedSource(place=place, treatment=treatment)
    if server is None:
        return decided
    # Without an answer it stays undecided, and the work on a pending version asks again.
    with suppress(SourceUnavailableError):
        found = resolve(claim, place, server)
        there = require_treatment(claim.source, found.place, rules, has_upstream=True)
        if there is Treatment.REFERENCE:
            return replace(decided, treatment=there, found=found)
        return replace(decided, found=found)
    return decided
