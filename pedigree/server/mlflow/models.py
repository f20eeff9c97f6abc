"""Registered models, as MLflow's clients create, read, change and delete them."""

import dataclasses

from pedigree.access.records import Permission
from pedigree.lifecycle.policy import open_policy, policy_without_stages
from pedigree.server.http.auth import requires
from pedigree.server.mlflow import rules
from pedigree.server.mlflow.fields import optional, required
from pedigree.server.mlflow.reads import (
    AskedVersions,
    model_in,
    newest_in,
    shown_now,
    shown_on_loop,
)
from pedigree.server.mlflow.records import ManyVersions, OneModel
from pedigree.server.mlflow.requests import NamedModel, Tag, tag_list
from pedigree.server.mlflow.routes import MlflowCall, MlflowRoutes

routes = MlflowRoutes()

_IS_PROMPT = "mlflow.prompt.is_prompt"
_DELETION = "deleted by a client of MLflow"


@dataclasses.dataclass(frozen=True, kw_only=True)
class NewMlflowModel(NamedModel):
    """A request that creates a model."""

    tags: tuple[Tag, ...] = optional((), rule=tag_list)
    description: str = optional("")


@dataclasses.dataclass(frozen=True, kw_only=True)
class DescribedModel(NamedModel):
    """A request that describes a model; without a description it has none afterwards."""

    description: str = optional("")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RenamedModel(NamedModel):
    """A request that renames a model."""

    judged_first = ("new_name",)

    new_name: str = required(rule=rules.model_name)


@dataclasses.dataclass(frozen=True, kw_only=True)
class LatestVersions(NamedModel):
    """A request for the newest version of some stages; of all stages without one."""

    stages: tuple[str, ...] = optional((), rule=rules.stage_names)


@routes.post("registered-models/create")
@requires(Permission.REGISTER, model_in_body=True)
def create_model(call: MlflowCall, asked: NewMlflowModel) -> OneModel:
    """Create a model without versions."""
    tags = {tag.key: tag.value for tag in asked.tags}
    # A prompt has no stages, so that its aliases may have any name.
    is_prompt = tags.get(_IS_PROMPT, "").lower() == "true"
    call.registry.operations.models.add_model(
        asked.name,
        description=asked.description,
        tags=tags,
        recreate=True,
        first_policy=policy_without_stages() if is_prompt else open_policy(),
    )
    return _shown(call, asked.name)


@routes.get("registered-models/get")
@requires(Permission.READ, lists=True)
async def get_model(call: MlflowCall, asked: NamedModel) -> OneModel:
    """Return a model with the newest version of each stage."""
    rows = await shown_on_loop(call, AskedVersions(asked.name))
    return {"registered_model": model_in(rows)}


@routes.patch("registered-models/update")
@requires(Permission.DESCRIBE, model_in_body=True)
def update_model(call: MlflowCall, asked: DescribedModel) -> OneModel:
    """Change the description of a model."""
    call.registry.update_model(asked.name, description=asked.description)
    return _shown(call, asked.name)


@routes.post("registered-models/rename")
@requires(Permission.REGISTER, model_in_body=True)
def rename_model(call: MlflowCall, asked: RenamedModel) -> OneModel:
    """Rename a model."""
    models = call.registry.operations.models
    models.move_name(asked.name, asked.new_name, recreate=True)
    return _shown(call, asked.new_name)


@routes.delete("registered-models/delete")
@requires(Permission.DELETE, model_in_body=True)
def delete_model(call: MlflowCall, asked: NamedModel) -> None:
    """Delete a model and its versions."""
    call.registry.delete_model(asked.name, reason=_DELETION)


@routes.post("registered-models/get-latest-versions")
@routes.get("registered-models/get-latest-versions")
@requires(Permission.READ, lists=True)
async def get_latest_versions(call: MlflowCall, asked: LatestVersions) -> ManyVersions:
    """Return the newest version of each stage."""
    rows = await shown_on_loop(call, AskedVersions(asked.name))
    wanted = {each.lower() for each in asked.stages or rules.STAGES}
    found = newest_in(rows, aliases=True)
    versions = [each for each in found if each["current_stage"].lower() in wanted]
    return {"model_versions": versions} if versions else {}


def _shown(call: MlflowCall, name: str) -> OneModel:
    rows = shown_now(call.registry, AskedVersions(name))
    return {"registered_model": model_in(rows)}
