"""Registration of versions from uploaded files."""

from uuid import UUID

from pydantic import Field
from starlette.responses import Response

from pedigree._record import Record
from pedigree.access.records import Permission
from pedigree.artifacts.records import ManifestFile
from pedigree.catalog.records import NewVersion, Registration
from pedigree.contract import paths
from pedigree.contract.forms import MOST_FILES
from pedigree.server.http.auth import requires
from pedigree.server.http.forms import FORM, SentFiles, form_content
from pedigree.server.http.kept_registration import register_once
from pedigree.server.http.parameters import Name
from pedigree.server.http.requests import WriteCall
from pedigree.server.http.resources import resource

router = resource("versions")


class NewListedVersion(Record):
    """A version of files that the registry has, or gets with it."""

    files: tuple[ManifestFile, ...] = Field(min_length=1, max_length=MOST_FILES)
    version: NewVersion
    upload_id: UUID | None = Field(default=None, description="The upload that brought them")


@router.post(
    paths.VERSIONS,
    status_code=201,
    responses={200: {"model": Registration}, 201: {"model": Registration}},
    openapi_extra={"requestBody": {"content": {FORM: form_content("NewListedVersion")}}},
)
@requires(Permission.REGISTER, takes_files=True)
def register(call: WriteCall, name: Name, new: NewListedVersion, sent: SentFiles) -> Response:
    """Register listed files as a version; 200 if the version exists.

    The registry has the files, or this request has them next to the JSON. The service runs the
    version's checks; a check that needs the asset graph waits for a Dagster run. 409 lists the
    files that the registry lacks as `missing`.
    """
    operations = call.caller.registry.operations
    if new.upload_id:
        operations.uploads.fetch_uploaded(name, new.upload_id)
    return register_once(
        call,
        lambda request: operations.registration.create(
            name, new.files, new.version, sent, upload_id=new.upload_id, request=request
        ),
        lambda done: call.path("get_version", name=name, version=done.version.version_id),
    )
