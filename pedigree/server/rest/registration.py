"""Registration of versions from uploaded files."""

from uuid import UUID

from pydantic import Field
from starlette.responses import Response

from pedigree._record import Record
from pedigree.access.records import Permission
from pedigree.artifacts.records import ManifestFile
from pedigree.catalog.records import NewVersion, Registration
from pedigree.contract import paths
from pedigree.server.http.auth import requires, resource
from pedigree.server.http.parameters import Name
from pedigree.server.http.requests import WriteCall
from pedigree.server.rest.uploads import MOST_FILES

router = resource("versions")


class NewListedVersion(Record):
    """A version of files that the registry has."""

    files: tuple[ManifestFile, ...] = Field(min_length=1, max_length=MOST_FILES)
    version: NewVersion
    upload_id: UUID | None = Field(default=None, description="The upload that brought them")


@router.post(
    paths.VERSIONS,
    status_code=201,
    responses={200: {"model": Registration}, 201: {"model": Registration}},
)
@requires(Permission.REGISTER)
def register(call: WriteCall, name: Name, new: NewListedVersion) -> Response:
    """Register files that the registry already has as a version; 200 if the version exists.

    The service runs the version's checks; a check that needs the asset graph waits for a Dagster
    run. 409 names the files that the registry lacks.
    """
    operations = call.caller.registry.operations
    if new.upload_id:
        operations.uploads.fetch_uploaded(name, new.upload_id)
    return call.create(
        lambda registry, request: registry.operations.registration.create(
            name, new.files, new.version, upload_id=new.upload_id, request=request
        ),
        location=lambda done: call.path("get_version", name=name, version=done.version.version_id),
    )
