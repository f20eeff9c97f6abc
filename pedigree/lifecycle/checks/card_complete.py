"""Check that enough fields of a version's model card are provided."""

from pydantic import Field

from pedigree._record import Record
from pedigree.catalog.records import ModelVersion
from pedigree.errors import InvalidPolicyError
from pedigree.lifecycle.checks.base import Check, Evidence, Finding, details, listed

CARD_COMPLETE = "card_complete"


class CardSettings(Record):
    """How much of the card must be provided."""

    percent: float = Field(default=80, ge=0, le=100, description="Of the counted fields")
    fields: tuple[str, ...] = Field(default=(), description="The counted fields; all when empty")


def _judge(evidence: Evidence, version: ModelVersion, settings: CardSettings) -> Finding:
    card = evidence.card_fields(version.reference)
    unknown = [name for name in settings.fields if name not in card]
    if unknown:
        raise InvalidPolicyError(
            "is not a field of a model card",
            field=f"checks.{CARD_COMPLETE}.settings.fields",
            value=unknown[0],
            remedy=f"Choose one of {', '.join(card)}",
        )
    counted = settings.fields or tuple(card)
    missing = [name for name in counted if not card[name]]
    percent = 100 * (len(counted) - len(missing)) / len(counted)
    passed = percent >= settings.percent
    lacking = "" if passed else f"; not provided: {listed(missing)}"
    return Finding(
        passed=passed,
        summary=f"{percent:.0f} % of the card is provided, {settings.percent:g} % are"
        f" required{lacking}",
        details=details(percent=round(percent, 2), missing=list(missing), counted=len(counted)),
    )


CHECK = Check(
    name=CARD_COMPLETE,
    asks="Enough of the model card's fields are provided",
    judge=_judge,
    settings=CardSettings,
)
