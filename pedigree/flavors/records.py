"""Verification of saved bytes: whether they predict what their model predicts."""

from enum import StrEnum

from pydantic import Field, FiniteFloat, model_validator

from pedigree._record import Record

_LONGEST_REASON = 500


class VerificationStatus(StrEnum):
    """Whether a saved model predicts, in a new process, what the trained model predicts."""

    VERIFIED = "verified"
    SKIPPED = "skipped"
    NOT_POSSIBLE = "not possible"


class Verification(Record):
    """The result of loading the saved bytes in a new process and predicting the sample."""

    status: VerificationStatus = Field(
        description="verified: equal to the model's predictions; skipped: verify=False"
    )
    reason: str | None = Field(
        default=None,
        pattern=r"^[^\x00]*$",  # the only character that Postgres does not allow in text
        description="Why verification was not possible, or how predictions were compared",
    )
    spread: FiniteFloat | None = Field(
        default=None,
        ge=0,
        description="Largest difference between the model's own predictions of one sample; null if"
        " they are equal or not numbers",
    )

    @model_validator(mode="after")
    def _reasoned(self) -> "Verification":
        if self.status is VerificationStatus.NOT_POSSIBLE and not self.reason:
            raise ValueError("the status 'not possible' needs a reason")
        return self

    @property
    def sentence(self) -> str:
        """``not possible: no sample was given``."""
        return f"{self.status.value}: {self.reason}" if self.reason else self.status.value


def not_possible(reason: str) -> Verification:
    """Return a verification that was not possible; the reason is reduced to one line."""
    line = " ".join(reason.replace("\0", " ").split())
    if len(line) > _LONGEST_REASON:
        line = f"{line[:_LONGEST_REASON]}…"
    return Verification(status=VerificationStatus.NOT_POSSIBLE, reason=line)


NO_TRAINING = not_possible("no training of it is known")
SKIPPED = Verification(status=VerificationStatus.SKIPPED)
# Both texts are stored in records, the first one also by a migration.
BEFORE_VERIFICATION = not_possible("it was registered by a Pedigree that did not verify")
NO_LIVE_MODEL = not_possible("its files were registered, with no live model to compare them with")
