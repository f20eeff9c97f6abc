"""Who must approve that a version enters a stage: people, and automatic approvers for low risk."""

from typing import Annotated

from pydantic import Field, model_validator

from pedigree._durations import Duration
from pedigree._names import name_key
from pedigree._record import NUMBER, Integer, Record
from pedigree._values import Key
from pedigree.access.reserved import AUTOMATIC_APPROVER
from pedigree.catalog.metadata_fields import RiskClass

LOW_RISK = (RiskClass.MINIMAL, RiskClass.LIMITED)
"""The risk classes of which a version may be approved without a person."""


class AutomaticApprover(Record):
    """What approves versions of low risk in place of a person, under a name of its own."""

    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$",
        description="It decides as service:approver:<name>",
    )
    check: Annotated[Key, Field(min_length=1)] | None = Field(
        default=None, description="It approves when this check of the stage has passed"
    )
    callable: Annotated[Key, Field(min_length=1)] | None = Field(
        default=None,
        description="It approves when this entry point of the group pedigree.approvers does",
    )
    risk_classes: tuple[RiskClass, ...] = Field(
        default=LOW_RISK, min_length=1, description="Of which versions: minimal, limited or both"
    )

    @model_validator(mode="after")
    def _decides_by_one_and_about_low_risk(self) -> "AutomaticApprover":
        if (self.check is None) == (self.callable is None):
            raise ValueError(f"the automatic approver {self.name!r} needs a check or a callable")
        above = next((each for each in self.risk_classes if each not in LOW_RISK), None)
        if above is not None:
            raise ValueError(
                f"the automatic approver {self.name!r} may not decide about the risk class {above}:"
                " a person does"
            )
        return self

    @property
    def principal(self) -> str:
        """The name under which it decides; nobody else can have it."""
        return f"{AUTOMATIC_APPROVER}{self.name}"


class ApprovalRule(Record):
    """How many must approve, none of them the version's author."""

    needed: Annotated[int, Field(ge=0), NUMBER] = 1
    by_risk_class: dict[RiskClass, Integer] = Field(
        default_factory=dict, description="How many, for versions of these risk classes"
    )
    by: tuple[str, ...] = Field(
        default=(),
        description="Who may: names, patterns as *@risk.example, role:NAME, group:NAME; empty:"
        " anybody",
    )
    automatic: tuple[AutomaticApprover, ...] = Field(
        default=(), description="What approves versions of low risk in place of a person"
    )
    expire_after: Duration | None = Field(default=None, description="How long an approval is valid")

    @model_validator(mode="after")
    def _people_decide_about_risk(self) -> "ApprovalRule":
        """Refuse automatic approvers where a version of high or unknown risk needs no person."""
        if not self.automatic:
            return self
        if len({name_key(each.name) for each in self.automatic}) < len(self.automatic):
            raise ValueError("two automatic approvers have one name")
        for risk_class in (RiskClass.HIGH, RiskClass.UNACCEPTABLE, None):
            if self.count(risk_class) < 1:
                named = f"of the risk class {risk_class}" if risk_class else "without a risk class"
                raise ValueError(
                    f"beside automatic approvers, a person must approve each version {named}"
                )
        return self

    def count(self, risk_class: RiskClass | None) -> int:
        """Return how many must approve a version of a risk class."""
        return self.by_risk_class.get(risk_class, self.needed) if risk_class else self.needed

    def approvers_of(self, risk_class: RiskClass | None) -> tuple[AutomaticApprover, ...]:
        """Return what may approve a version of a risk class in place of a person."""
        return tuple(each for each in self.automatic if risk_class in each.risk_classes)
