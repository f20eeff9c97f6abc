"""The requester of a version's transition into a stage: a person, or the sensor."""

from typing import NamedTuple

from pedigree.access.principal import Principal
from pedigree.access.records import Permission
from pedigree.catalog.records import ModelVersion
from pedigree.lifecycle.records import ARCHIVED, NO_STAGE, StageRule


def may_move(principal: Principal, model: str, from_stage: str, stage: str) -> bool:
    """Return whether grants allow somebody to move a model's version from one stage into another.

    Archiving a version takes it out of its stage, so it also requires the right to move there.
    """
    stages = [stage]
    if stage == ARCHIVED and from_stage != NO_STAGE:
        stages.append(from_stage)
    return all(principal.may(Permission.MOVE, model, each) for each in stages)


class Requester(NamedTuple):
    """The requester of a version's transition into a stage.

    With ``automatic`` it is the sensor: a version that left the stage stays out, since the sensor
    would otherwise undo every rollback, and a version does not pass a newer one that is ahead of
    it. With ``requests`` the version enters when its last gate passes; if the person may not move
    versions, somebody who may must approve.
    """

    principal: Principal | None = None
    automatic: bool = False
    requests: bool = False

    def may_move(self, version: ModelVersion, rule: StageRule) -> bool:
        """Return whether grants allow the person to move a version into a stage."""
        return self.principal is None or may_move(
            self.principal, version.model_name, version.stage, rule.name
        )

    def may_promote(self, version: ModelVersion, rule: StageRule) -> bool:
        """Return whether the rule of the stage allows it as well."""
        return self.may_move(version, rule) and (
            self.principal is None
            or self.principal.may(Permission.MOVE, version.model_name, rule.name, rule)
        )


class StageRequestInput(NamedTuple):
    """The requester of a stage for a version, and the reason."""

    stage: str
    reason: str | None
    by: Principal

    @property
    def asker(self) -> Requester:
        """The requester, in the form that the gates use."""
        return Requester(self.by, requests=True)

    def requires_approver(self, version: ModelVersion) -> bool:
        """Return whether somebody else must approve because the requester may not move it."""
        return not may_move(self.by, version.model_name, version.stage, self.stage)


SENSOR = Requester(automatic=True)
