"""Registered models, as MLflow's clients create, read, change and delete them."""

from pedigree.access.records import Permission
from pedigree.server.http.auth import requires
from pedigree.server.mlflow.requests import NamedModel
from pedigree.server.mlflow.routes import MlflowCall, MlflowRoutes

routes = MlflowRoutes()

_DELETION = "deleted by a client of MLflow"


@routes.delete("registered-models/delete")
@requires(Permission.DELETE, model_in_body=True)
def delete_model(call: MlflowCall, asked: NamedModel) -> None:
    """Delete a model and its versions."""
    call.registry.delete_model(asked.name, reason=_DELETION)
