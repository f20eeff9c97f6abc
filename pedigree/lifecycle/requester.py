"""The requester of a version's transition into a stage: a person, or the sensor."""

from typing import NamedTuple

from pedigree.access.principal import Principal
from pedigree.access.records import Permission
from pedigree.lifecycle.records import StageRule


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

    def may_move(self, model: str, rule: StageRule | None = None) -> bool:
        """Return whether the person may move versions of a model, also by a given stage's rule."""
        return self.principal is None or self.principal.may(Permission.MOVE, model, rule)


SENSOR = Requester(automatic=True)
