"""Files that MLflow's clients upload, before ``model-versions/create`` makes a version of them.

They are below ``mlflow-artifacts:/pedigree/uploads/{name}``. Each caller has names of their own.
What is not used within an hour is collected. A file of a version is neither written nor deleted.
"""

import dataclasses
import posixpath
from uuid import UUID

from pydantic_core import to_json
from starlette.responses import Response

from pedigree.access.records import Permission
from pedigree.artifacts.upload_parts import MOST_PARTS_OF_A_FILE
from pedigree.errors import InvalidInputError, NotPermittedError, UnsupportedByStoreError
from pedigree.server.http.auth import requires
from pedigree.server.http.fair_use import Use
from pedigree.server.http.received_files import is_small, received_file
from pedigree.server.mlflow.artifact_paths import UploadPath
from pedigree.server.mlflow.artifacts import OWN, BothPrefixes, in_thread, own_place
from pedigree.server.mlflow.fields import MlflowRequest, required
from pedigree.server.mlflow.routes import MlflowCall, MlflowRoutes

routes = MlflowRoutes()
_both = BothPrefixes(routes)


@dataclasses.dataclass(frozen=True, kw_only=True)
class NewParts(MlflowRequest):
    """A file to send in parts; its name is the last part of the path at the client."""

    path: str = required()
    num_parts: int = required()


@dataclasses.dataclass(frozen=True, kw_only=True)
class SentParts(MlflowRequest):
    """A file whose parts were sent, or are given up."""

    path: str = required()
    upload_id: str = required()


class NoPartsError(UnsupportedByStoreError):
    """The store has no signed URLs for parts; clients that read this send the file whole."""

    def __str__(self) -> str:
        """Return MLflow's words, by which clients know it."""
        return "Multipart upload is not supported for the current artifact repository"


@_both.at("PUT", f"artifacts/{OWN}", "put_artifact")
@requires(Permission.REGISTER, model_in_body=True, streams=True, use=Use.UPLOADS)
async def put_artifact(call: MlflowCall, path: str) -> Response:
    """Put a file of an upload of the caller, which is hashed while it arrives."""
    place = _writable(path)
    request, registry = call.request, call.registry
    areas = registry.operations.upload_areas
    if is_small(request):
        content = await request.body()
        await in_thread(call, lambda _: areas.put_content(place.name, place.path, content))
    else:
        async with received_file(request, registry.settings.home_folder) as (received, blob):
            await in_thread(call, lambda _: areas.put_file(place.name, place.path, received, blob))
    return Response()


@_both.at("DELETE", f"artifacts/{OWN}", "delete_artifact")
@requires(Permission.REGISTER, model_in_body=True)
def delete_artifact(call: MlflowCall, path: str) -> None:
    """Delete a file of an upload of the caller, or the files below a folder."""
    place = _writable(path)
    call.registry.operations.upload_areas.remove(place.name, place.path)


@_both.at("POST", f"mpu/create/{OWN}", "begin_parts")
@requires(Permission.REGISTER, model_in_body=True)
def begin_parts(call: MlflowCall, asked: NewParts) -> Response:
    """Begin a file that is sent in parts, each to a URL of the store."""
    place = _file_of(call, asked.path)
    if not 1 <= asked.num_parts <= MOST_PARTS_OF_A_FILE:
        raise InvalidInputError(
            f"a file has 1 to {MOST_PARTS_OF_A_FILE:,} parts",
            field="num_parts",
            value=asked.num_parts,
            remedy="Send fewer, larger parts",
        )
    try:
        begun, urls = call.registry.operations.upload_areas.begin_parts(
            place.name, place.path, asked.num_parts
        )
    except UnsupportedByStoreError as error:
        raise NoPartsError(error.message) from error
    parts = [
        {"url": url, "part_number": number, "headers": {}} for number, url in enumerate(urls, 1)
    ]
    body = to_json({"upload_id": str(begun), "credentials": parts})
    return Response(body, headers={"Cache-Control": "no-store"}, media_type="application/json")


@_both.at("POST", f"mpu/complete/{OWN}", "complete_parts")
@requires(Permission.REGISTER, model_in_body=True)
def complete_parts(call: MlflowCall, asked: SentParts) -> None:
    """Put the file whose parts were sent."""
    place, parts_id = _file_of(call, asked.path), _parts_id(asked.upload_id)
    call.registry.operations.upload_areas.complete_parts(place.name, place.path, parts_id)


@_both.at("POST", f"mpu/abort/{OWN}", "abort_parts")
@requires(Permission.REGISTER, model_in_body=True)
def abort_parts(call: MlflowCall, asked: SentParts) -> None:
    """Give up a file that was sent in parts."""
    place, parts_id = _file_of(call, asked.path), _parts_id(asked.upload_id)
    call.registry.operations.upload_areas.abort_parts(place.name, place.path, parts_id)


def _writable(path: str) -> UploadPath:
    """Return the file or the folder of an upload at a path.

    Raises:
        NotPermittedError: It is of a version, which is sealed.
    """
    place = own_place(path)
    if not isinstance(place, UploadPath):
        raise NotPermittedError(
            "the files of a version are sealed",
            field="path",
            value=path,
            remedy="Register another version",
        )
    return place


def _file_of(call: MlflowCall, sent: str) -> UploadPath:
    """Return the file that is sent in parts: the client names its folder in the path."""
    place = _writable(call.request.path_params["path"])
    name = posixpath.basename(sent.replace("\\", "/"))
    return UploadPath(place.name, posixpath.join(place.path, name))


def _parts_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInputError(
            "is not the id of an upload",
            field="upload_id",
            value=text,
            remedy="Send that of mpu/create",
        ) from None
