"""Stages, as MLflow's clients move versions between them."""

import dataclasses

from pedigree.access.records import Permission
from pedigree.lifecycle.stage_names import MlflowStage
from pedigree.server.http.auth import requires
from pedigree.server.mlflow import rules
from pedigree.server.mlflow.fields import optional, required
from pedigree.server.mlflow.records import OneVersion
from pedigree.server.mlflow.requests import NamedVersion
from pedigree.server.mlflow.routes import MlflowCall, MlflowRoutes
from pedigree.server.mlflow.versions import shown_version

routes = MlflowRoutes()

_ACTIVE = [MlflowStage.STAGING.value, MlflowStage.PRODUCTION.value]


@dataclasses.dataclass(frozen=True, kw_only=True)
class MovedVersion(NamedVersion):
    """A request that moves a version into a stage."""

    judged_first = ("stage",)

    stage: str = required(rule=rules.stage_name)
    archive_existing_versions: bool = optional(False)

    @property
    def shown(self) -> MlflowStage:
        """The stage as MLflow spells it."""
        return next(each for each in MlflowStage if each.lower() == self.stage.lower())

    def refusal(self) -> str | None:
        """Refuse to archive what others hold of a stage that is not active."""
        if not self.archive_existing_versions or self.shown in _ACTIVE:
            return None
        return (
            "Model version transition cannot archive existing model versions because"
            f" '{self.stage}' is not an Active stage. Valid stages are {_ACTIVE}"
        )


@routes.post("model-versions/transition-stage")
@requires(Permission.MOVE, model_in_body=True)
def transition_stage(call: MlflowCall, asked: MovedVersion) -> OneVersion:
    """Move a version into a stage."""
    number = asked.number
    call.registry.operations.mlflow_stages.move(
        asked.name, number, asked.shown, archive_existing=asked.archive_existing_versions
    )
    return shown_version(call, asked.name, number)
