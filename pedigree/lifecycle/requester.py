"""Who asks whether a version may enter a stage: a person, or the sensor."""

from typing import NamedTuple

from pedigree.access.principal import Principal
from pedigree.access.records import Permission
from pedigree.lifecycle.records import StageRule


class Requester(NamedTuple):
    """Who asks whether a version may enter a stage.

    With ``automatic`` it is the sensor: a version that left the stage stays out, or the sensor
    would undo every rollback, and one that a newer version overtook stays behind it. With
    ``requests`` the version enters with its last gate; where the person may not move versions,
    somebody who may has to approve.
    """

    principal: Principal | None = None
    automatic: bool = False
    requests: bool = False

    def may_move(self, model: str, rule: StageRule | None = None) -> bool:
        """Say whether the person may move versions of a model, also by a stage's rule if given."""
        return self.principal is None or self.principal.may(Permission.MOVE, model, rule)


SENSOR = Requester(automatic=True)
