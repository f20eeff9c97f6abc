"""What the registry knows of bytes that a flavor saved: whether they predict as their model."""

from enum import StrEnum

from pydantic import Field, FiniteFloat, model_validator

from pedigree._record import Record

_LONGEST_REASON = 500


class VerificationStatus(StrEnum):
    """Whether a saved model was seen to predict, in a new process, what the trained one did."""

    VERIFIED = "verified"
    SKIPPED = "skipped"
    NOT_POSSIBLE = "not possible"


class Verification(Record):
    """What came of loading the saved bytes in a new process and predicting the sample there."""

    status: VerificationStatus = Field(
        description="verified: they predicted what the model did; skipped: verify=False"
    )
    reason: str | None = Field(
        default=None,
        pattern=r"^[^\x00]*$",  # Postgres keeps no other character than this out of a text
        description="Why it was not possible, or how the predictions were compared",
    )
    spread: FiniteFloat | None = Field(
        default=None,
        ge=0,
        description="How far the model's own answers to one sample lie apart; None where they are"
        " equal, or are no numbers",
    )

    @model_validator(mode="after")
    def _reasoned(self) -> "Verification":
        if self.status is VerificationStatus.NOT_POSSIBLE and not self.reason:
            raise ValueError("what is not possible needs a reason")
        return self

    @property
    def sentence(self) -> str:
        """``not possible: no sample was given``."""
        return f"{self.status.value}: {self.reason}" if self.reason else self.status.value


def not_possible(reason: str) -> Verification:
    """Return that nothing could be compared, and why; what a library said becomes one line."""
    line = " ".join(reason.replace("\0", " ").split())
    if len(line) > _LONGEST_REASON:
        line = f"{line[:_LONGEST_REASON]}…"
    return Verification(status=VerificationStatus.NOT_POSSIBLE, reason=line)


SKIPPED = Verification(status=VerificationStatus.SKIPPED)
BEFORE_VERIFICATION = not_possible("it was registered by a Pedigree that did not verify")
NO_LIVE_MODEL = not_possible("its files were registered, with no live model to compare them with")
