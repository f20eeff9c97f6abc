"""``/models/{name}/versions``: the versions of a model."""

from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import Field
from starlette.responses import Response

from pedigree._record import Record
from pedigree.access.records import Permission
from pedigree.artifacts.records import ManifestFile
from pedigree.catalog.records import ModelVersion, NewVersion, Registration
from pedigree.server.http.auth import requires, resource
from pedigree.server.http.parameters import DIGITS
from pedigree.server.http.requests import ChangeCall, Limit, Name, Number, Page, ReadCall, WriteCall
from pedigree.server.rest.models import Description, Reason
from pedigree.server.rest.uploads import MOST_FILES

router = resource("versions")


class NewListedVersion(Record):
    """A version of files that the registry has."""

    files: tuple[ManifestFile, ...] = Field(min_length=1, max_length=MOST_FILES)
    version: NewVersion
    upload_id: UUID | None = Field(default=None, description="The upload that brought them")


@router.post(
    "/models/{name}/versions",
    status_code=201,
    responses={200: {"model": Registration}, 201: {"model": Registration}},
)
@requires(Permission.REGISTER)
def register(call: WriteCall, name: Name, new: NewListedVersion) -> Response:
    """Register files that the registry has as a version; 200 where they are one already.

    Its checks are run by the service; those that need the asset graph leave it waiting for a run.
    409 names the files that the registry lacks.
    """
    if new.upload_id:
        call.caller.registry.fetch_uploaded(name, new.upload_id)
    return call.write(
        lambda registry: registry.register_files(
            name, new.files, new.version, upload_id=new.upload_id
        ),
        status=lambda done: 201 if done.created else 200,
        location=lambda done: call.path("get_version", name=name, version=done.version.version_id),
        pipelined=True,
    )


@router.get("/models/{name}/versions", responses={200: {"model": Page[ModelVersion]}})
@requires(Permission.READ)
def list_versions(
    call: ReadCall,
    name: Name,
    limit: Limit = 100,
    after: Annotated[
        int | None,
        Query(ge=0, lt=2**31, description="The number that the page before ended with"),
        DIGITS,
    ] = None,
    newest_first: bool = False,
) -> Response:
    """List a model's versions."""
    found = call.registry.versions(name, limit=limit + 1, after=after, newest_first=newest_first)
    return call.page(found, limit, lambda version: version.version_id)


@router.get("/models/{name}/versions/{version}", responses={200: {"model": ModelVersion}})
@requires(Permission.READ)
def get_version(call: ReadCall, name: Name, version: Number) -> Response:
    """Return a version: its metadata, and what moves about it."""
    return call.answer(call.registry.get(f"{name}/{version}"))


@router.patch("/models/{name}/versions/{version}", responses={200: {"model": ModelVersion}})
@requires(Permission.DESCRIBE)
def update_version(call: ChangeCall, name: Name, version: Number, change: Description) -> Response:
    """Replace a version's description, owners or tags."""
    reference = f"{name}/{version}"
    return call.of(lambda registry: registry.get(reference)).write(
        lambda registry: registry.update(reference, **dict(change))
    )


@router.delete("/models/{name}/versions/{version}", status_code=204)
@requires(Permission.DELETE)
def delete_version(call: ChangeCall, name: Name, version: Number, reason: Reason) -> Response:
    """Delete a version; its number never comes back."""
    reference = f"{name}/{version}"
    return call.of(lambda registry: registry.get(reference)).write(
        lambda registry: registry.delete(reference, reason=reason)
    )
