"""Sealing of versions that have no digest."""

from uuid import UUID

from pydantic import Field
from starlette.responses import Response

from pedigree._record import Record
from pedigree._values import Key
from pedigree.access.records import Permission
from pedigree.artifacts.records import ManifestFile
from pedigree.catalog.records import ModelVersion
from pedigree.contract import paths
from pedigree.contract.forms import MOST_FILES
from pedigree.server.http.auth import requires
from pedigree.server.http.parameters import Name, Number
from pedigree.server.http.requests import WriteCall
from pedigree.server.http.resources import resource
from pedigree.signatures.records import Signature

router = resource("versions")


class NewBytes(Record):
    """The bytes of a version that has none."""

    files: tuple[ManifestFile, ...] | None = Field(
        default=None,
        min_length=1,
        max_length=MOST_FILES,
        description="Files that the registry has, or an upload brought; null: the service fetches"
        " them from the version's source",
    )
    flavor: Key | None = Field(
        default=None, description="How to load it, if the version does not say it"
    )
    signature: Signature | None = Field(
        default=None, description="Its inputs and outputs, if the version does not say them"
    )
    upload_id: UUID | None = Field(default=None, description="The upload that brought the files")


@router.post(paths.SEAL, responses={200: {"model": ModelVersion}})
@requires(Permission.REGISTER)
def seal(call: WriteCall, name: Name, version: Number, given: NewBytes) -> Response:
    """Give a version its bytes, by which it gets a digest and keeps its number.

    A digest is final. Approvals that were given before become void, and checks run on the bytes.
    """
    reference, registry = f"{name}/{version}", call.caller.registry
    files = given.files
    if files is None:
        # A fetch takes long, so it is not part of the transaction of the key.
        registry.seal(reference, flavor=given.flavor)
        return call.write(lambda joined: joined.get(reference))
    if given.upload_id:
        registry.operations.uploads.fetch_uploaded(name, given.upload_id)
    return call.write(
        lambda joined: joined.seal_files(
            reference,
            files,
            flavor=given.flavor,
            signature=given.signature,
            upload_id=given.upload_id,
        )
    )
