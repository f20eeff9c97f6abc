"""Registered models."""

from typing import Annotated

from fastapi import Query
from pydantic import Field
from starlette.responses import Response

from pedigree._record import Patch, Record
from pedigree.access.records import Permission
from pedigree.catalog.records import RegisteredModel, Tags
from pedigree.contract import paths
from pedigree.server.http.auth import requires
from pedigree.server.http.pages import Page
from pedigree.server.http.parameters import NAMED, Limit, Name
from pedigree.server.http.requests import ChangeCall, ReadCall, WriteCall
from pedigree.server.http.resources import resource

router = resource("models")

Reason = Annotated[
    str, Query(min_length=1, max_length=2000, description="The reason, for the audit log")
]


class NewModel(Record):
    """A model to create."""

    name: str = Field(min_length=1, max_length=256, json_schema_extra=NAMED)
    description: str | None = None
    owners: tuple[str, ...] = ()
    tags: Tags = Field(default_factory=dict)


class NewName(Record):
    """The new name of a model."""

    new_name: str = Field(min_length=1, max_length=256, json_schema_extra=NAMED)


class Description(Patch):
    """A change of a model's or version's description by JSON Merge Patch (RFC 7396)."""

    description: str | None = None
    owners: tuple[str, ...] | None = Field(default=None, description="Replaces all owners")
    tags: dict[str, str | None] | None = Field(
        default=None, description="Sets these tags; a tag of null is removed, the others stay"
    )


@router.post(paths.MODELS, status_code=201, responses={201: {"model": RegisteredModel}})
@requires(Permission.REGISTER, model_in_body=True)
def create_model(call: WriteCall, new: NewModel) -> Response:
    """Create a model without versions."""
    return call.write(
        lambda registry: registry.create_model(
            new.name, description=new.description, owners=new.owners, tags=new.tags
        ),
        status=201,
        location=lambda model: call.path("get_model", name=model.name),
    )


@router.get(paths.MODELS, responses={200: {"model": Page[RegisteredModel]}})
@requires(Permission.READ, lists=True)
def list_models(
    call: ReadCall,
    limit: Limit = 100,
    after: Annotated[
        str | None, Query(max_length=256, description="The last name of the previous page")
    ] = None,
) -> Response:
    """List the registered models that the token is for, in the order of their names."""
    found = call.registry.models(limit=limit + 1, after=after)
    return call.page(found, limit, lambda model: model.name)


@router.get(paths.MODEL, responses={200: {"model": RegisteredModel}})
@requires(Permission.READ)
def get_model(call: ReadCall, name: Name) -> Response:
    """Return a registered model: its description, its stages and its aliases."""
    return call.answer(call.registry.model(name))


@router.patch(paths.MODEL, responses={200: {"model": RegisteredModel}})
@requires(Permission.DESCRIBE)
def update_model(call: ChangeCall, name: Name, change: Description) -> Response:
    """Change a model's description, owners or tags; null removes a value (RFC 7396)."""
    return call.of(lambda registry: registry.model(name)).write(
        lambda registry: registry.update_model(name, **change.given())
    )


@router.post(paths.MODEL_RENAME, responses={200: {"model": RegisteredModel}})
@requires(Permission.REGISTER)
def rename_model(call: ChangeCall, name: Name, to: NewName) -> Response:
    """Give a model another name; its history is found under both."""
    return call.of(lambda registry: registry.model(name)).write(
        lambda registry: registry.rename_model(name, to.new_name)
    )


@router.delete(paths.MODEL, status_code=204)
@requires(Permission.DELETE)
def delete_model(call: ChangeCall, name: Name, reason: Reason) -> Response:
    """Delete a model and all its versions; its name is never used again."""
    return call.of(lambda registry: registry.model(name)).write(
        lambda registry: registry.delete_model(name, reason=reason)
    )
