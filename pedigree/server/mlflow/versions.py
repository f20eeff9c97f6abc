"""Versions, as MLflow's clients read, describe and delete them."""

import dataclasses

from pedigree.access.records import Permission
from pedigree.server.http.auth import requires
from pedigree.server.mlflow.fields import optional
from pedigree.server.mlflow.reads import AskedVersions, one_version, shown_now, shown_on_loop
from pedigree.server.mlflow.records import OneVersion
from pedigree.server.mlflow.requests import NamedVersion
from pedigree.server.mlflow.routes import MlflowCall, MlflowRoutes

routes = MlflowRoutes()

_DELETION = "deleted by a client of MLflow"


@dataclasses.dataclass(frozen=True, kw_only=True)
class DescribedVersion(NamedVersion):
    """A request that describes a version; without a description it has none afterwards."""

    description: str | None = optional()


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeletedVersion(NamedVersion):
    """A request that deletes a version."""

    judged_first = ("version",)


@routes.get("model-versions/get")
@requires(Permission.READ, lists=True)
async def get_version(call: MlflowCall, asked: NamedVersion) -> OneVersion:
    """Return a version."""
    wanted = AskedVersions(asked.name, version=int(asked.version))
    rows = await shown_on_loop(call, wanted)
    return {"model_version": one_version(rows, wanted)}


@routes.patch("model-versions/update")
@requires(Permission.DESCRIBE, model_in_body=True)
def update_version(call: MlflowCall, asked: DescribedVersion) -> OneVersion:
    """Change the description of a version."""
    call.registry.update(asked.reference, description=asked.description)
    return shown_version(call, asked.name, asked.number)


@routes.delete("model-versions/delete")
@requires(Permission.DELETE, model_in_body=True)
def delete_version(call: MlflowCall, asked: DeletedVersion) -> None:
    """Delete a version; its number is not used again."""
    call.registry.delete(asked.reference, reason=_DELETION)


def shown_version(call: MlflowCall, name: str, number: int) -> OneVersion:
    """Return the answer with a version, read in this thread.

    Raises:
        NotFoundError: There is no such version.
    """
    asked = AskedVersions(name, version=number)
    return {"model_version": one_version(shown_now(call.registry, asked), asked)}
