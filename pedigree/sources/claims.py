"""Whether a source lies in the run or logged model that its client names.

A version must not claim the lineage of somebody else's run. What a URI says by itself is compared
here; where a run keeps its artifacts only the tracking server knows.
"""

from dataclasses import dataclass

from pedigree.sources import refusals
from pedigree.sources.uri import LoggedModelSource, ProxiedSource, RunSource, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginClaim:
    """What a client says of a version's origin."""

    source: str
    run_id: str | None = None
    model_id: str | None = None

    @property
    def parameter(self) -> str:
        """The parameter by which the source is looked up."""
        return "model_id" if self.model_id else "run_id"


def require_consistent(claim: OriginClaim, place: Source) -> None:
    """Refuse a source whose URI names another run or model than its client does.

    Raises:
        InvalidSourceError: It names another one, or the client names none.
    """
    match place:
        case RunSource(run_id=named) if claim.model_id or claim.run_id != named:
            raise refusals.not_contained(claim.source, claim.parameter)
        case LoggedModelSource(model_id=named) if claim.model_id != named:
            raise refusals.not_contained(claim.source, "model_id")
        case ProxiedSource() if not (claim.model_id or claim.run_id):
            raise refusals.not_contained(claim.source, "run_id")
