"""Versions of models: look them up, edit, compare and delete them."""

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from pedigree.access.records import Permission
from pedigree.catalog.diff_records import VersionComparison
from pedigree.catalog.records import ModelVersion, Training
from pedigree.contract import paths
from pedigree.server.http.auth import requires
from pedigree.server.http.pages import Page
from pedigree.server.http.parameters import DIGITS, Limit, Name, Number
from pedigree.server.http.requests import ChangeCall, ReadCall
from pedigree.server.http.resources import resource
from pedigree.server.rest.models import Description, Reason

router = resource("versions")

Reference = Annotated[
    str,
    Query(
        min_length=1,
        max_length=1024,
        description="NAME/3, NAME@champion, NAME@production",
        json_schema_extra={
            "pattern": r"^[^\s./\\:@%#][^/\\:@%#]{0,200}[^\s./\\:@%#](/[1-9]\d{0,8}|@[\w-]+)$"
        },
    ),
]


@router.get(paths.VERSION, responses={200: {"model": ModelVersion}})
@requires(Permission.READ)
async def get_version(call: ReadCall, name: Name, version: Number) -> Response:
    """Return a version: its metadata, and its stage, aliases and other mutable fields."""
    return await call.version(f"{name}/{version}")


@router.get(paths.VERSIONS, responses={200: {"model": Page[ModelVersion]}})
@requires(Permission.READ)
def list_versions(
    call: ReadCall,
    name: Name,
    limit: Limit = 100,
    after: Annotated[
        int | None,
        Query(ge=0, lt=2**31, description="The last version number of the previous page"),
        DIGITS,
    ] = None,
    newest_first: bool = False,
) -> Response:
    """List a model's versions."""
    found = call.registry.operations.versions.list_rows(
        name, limit=limit + 1, after=after, newest_first=newest_first
    )
    return call.page_of_versions(found, limit)


@router.patch(paths.VERSION, responses={200: {"model": ModelVersion}})
@requires(Permission.DESCRIBE)
def update_version(call: ChangeCall, name: Name, version: Number, change: Description) -> Response:
    """Change a version's description, owners or tags; null removes a value (RFC 7396)."""
    reference = f"{name}/{version}"
    return call.of(lambda registry: registry.get(reference)).write(
        lambda registry: registry.update(reference, **change.given())
    )


@router.delete(paths.VERSION, status_code=204)
@requires(Permission.DELETE)
def delete_version(call: ChangeCall, name: Name, version: Number, reason: Reason) -> Response:
    """Delete a version; its number is never used again."""
    reference = f"{name}/{version}"
    return call.of(lambda registry: registry.get(reference)).write(
        lambda registry: registry.delete(reference, reason=reason)
    )


@router.get(paths.TRAININGS, tags=["history"], responses={200: {"model": Page[Training]}})
@requires(Permission.READ)
def list_trainings(
    call: ReadCall,
    name: Name,
    version: Number,
    limit: Limit = 100,
    after: Annotated[
        str | None, Query(max_length=255, description="The last training_id of the previous page")
    ] = None,
) -> Response:
    """List the runs that produced a version's bytes, the oldest first."""
    found = call.registry.trainings(f"{name}/{version}", limit=limit + 1, after=after)
    return call.page(found, limit, lambda training: training.training_id)


@router.get(paths.ENVIRONMENT, tags=["history"], responses={200: {"model": tuple[str, ...]}})
@requires(Permission.READ)
def get_environment(call: ReadCall, name: Name, version: Number) -> Response:
    """List the packages that a version was trained with; empty if they are unknown."""
    return call.answer(call.registry.environment(f"{name}/{version}"))


@router.get(paths.COMPARISON, tags=["history"], responses={200: {"model": VersionComparison}})
@requires(Permission.READ, model_in_body=True)
def compare(call: ReadCall, a: Reference, b: Reference) -> Response:
    """Return how version b differs from version a, also across models."""
    return call.answer(call.registry.compare(a, b))
