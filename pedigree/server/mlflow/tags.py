"""Tags of models and versions, as MLflow's clients set and delete them, one at a time."""

import dataclasses
from contextlib import suppress

from pedigree.access.records import Permission
from pedigree.errors import TagNotFoundError
from pedigree.server.http.auth import requires
from pedigree.server.mlflow import rules
from pedigree.server.mlflow.fields import optional, required
from pedigree.server.mlflow.requests import NamedModel, NamedVersion
from pedigree.server.mlflow.routes import MlflowCall, MlflowRoutes

routes = MlflowRoutes()


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelTag(NamedModel):
    """A request that sets a tag of a model."""

    key: str = required(rule=rules.tag_key)
    value: str = optional("", rule=rules.tag_value)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelTagKey(NamedModel):
    """A request that deletes a tag of a model."""

    key: str = required(rule=rules.tag_name)


@dataclasses.dataclass(frozen=True, kw_only=True)
class VersionTag(NamedVersion):
    """A request that sets a tag of a version."""

    key: str = required(rule=rules.tag_key)
    value: str = optional("", rule=rules.tag_value)


@dataclasses.dataclass(frozen=True, kw_only=True)
class VersionTagKey(NamedVersion):
    """A request that deletes a tag of a version."""

    key: str = required(rule=rules.tag_name)


@routes.post("registered-models/set-tag")
@requires(Permission.DESCRIBE, model_in_body=True)
def set_model_tag(call: MlflowCall, asked: ModelTag) -> None:
    """Set a tag of a model."""
    call.registry.set_tag(asked.name, asked.key, asked.value)


@routes.delete("registered-models/delete-tag")
@requires(Permission.DESCRIBE, model_in_body=True)
def delete_model_tag(call: MlflowCall, asked: ModelTagKey) -> None:
    """Delete a tag of a model; as in MLflow, one that does not exist is left alone."""
    with suppress(TagNotFoundError):
        call.registry.delete_tag(asked.name, asked.key)


@routes.post("model-versions/set-tag")
@requires(Permission.DESCRIBE, model_in_body=True)
def set_version_tag(call: MlflowCall, asked: VersionTag) -> None:
    """Set a tag of a version."""
    call.registry.set_tag(asked.reference, asked.key, asked.value)


@routes.delete("model-versions/delete-tag")
@requires(Permission.DESCRIBE, model_in_body=True)
def delete_version_tag(call: MlflowCall, asked: VersionTagKey) -> None:
    """Delete a tag of a version; as in MLflow, one that does not exist is left alone."""
    with suppress(TagNotFoundError):
        call.registry.delete_tag(asked.reference, asked.key)
