"""Aliases, as MLflow's clients set, read and delete them."""

import dataclasses
from contextlib import suppress

from pedigree.access.records import Permission
from pedigree.errors import AliasNotFoundError
from pedigree.server.http.auth import requires
from pedigree.server.mlflow import rules
from pedigree.server.mlflow.fields import required
from pedigree.server.mlflow.reads import AskedVersions, one_version, shown_on_loop
from pedigree.server.mlflow.records import OneVersion
from pedigree.server.mlflow.requests import NamedModel, number_of
from pedigree.server.mlflow.routes import MlflowCall, MlflowRoutes

routes = MlflowRoutes()


@dataclasses.dataclass(frozen=True, kw_only=True)
class NamedAlias(NamedModel):
    """A request about an alias."""

    alias: str = required(rule=rules.alias_name)


@dataclasses.dataclass(frozen=True, kw_only=True)
class NewAlias(NamedModel):
    """A request that points an alias to a version."""

    alias: str = required(rule=rules.new_alias_name)
    version: str = required(rule=rules.version_number)


@routes.post("registered-models/alias")
@requires(Permission.MOVE, model_in_body=True)
def set_alias(call: MlflowCall, asked: NewAlias) -> None:
    """Point an alias to a version; it leaves its previous version."""
    pointers = call.registry.operations.pointers
    pointers.point(asked.name, asked.alias, number_of(asked.version))


@routes.get("registered-models/alias")
@requires(Permission.READ, lists=True)
async def get_by_alias(call: MlflowCall, asked: NamedAlias) -> OneVersion:
    """Return the version with an alias; ``latest`` is the highest one."""
    # The newest version of all is among the newest ones of each stage.
    alias = None if asked.alias.lower() == "latest" else asked.alias
    wanted = AskedVersions(asked.name, alias=alias)
    return {"model_version": one_version(await shown_on_loop(call, wanted), wanted)}


@routes.delete("registered-models/alias")
@requires(Permission.MOVE, model_in_body=True)
def delete_alias(call: MlflowCall, asked: NamedAlias) -> None:
    """Delete an alias; as in MLflow, one that does not exist is no error."""
    with suppress(AliasNotFoundError):
        call.registry.operations.pointers.unpoint(asked.name, asked.alias)
