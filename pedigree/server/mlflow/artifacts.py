"""Files of versions, as MLflow's clients list and download them: through the service, and no store.

What is sealed cannot be written. Files that a client uploads are in
:mod:`pedigree.server.mlflow.artifact_uploads`.
"""

import dataclasses
from asyncio import get_running_loop
from collections.abc import Callable, Iterable
from contextvars import copy_context
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from pydantic_core import to_json
from starlette.responses import Response

from pedigree.access.records import Permission
from pedigree.artifacts.records import ManifestFile
from pedigree.artifacts.upload_areas import children
from pedigree.errors import (
    ModelNotFoundError,
    NotFoundError,
    UnsupportedByStoreError,
    VersionNotFoundError,
)
from pedigree.registry import Registry
from pedigree.registry.artifact_places import ArtifactPlace
from pedigree.server.http.auth import requires
from pedigree.server.mlflow.artifact_answers import OpenFile, file_answer
from pedigree.server.mlflow.artifact_paths import (
    RESERVED,
    ArtifactPath,
    NoSuchArtifactError,
    UploadPath,
    VersionPath,
    is_of_registry,
    read_artifact_path,
)
from pedigree.server.mlflow.fields import UnacceptedRequestError, optional, required
from pedigree.server.mlflow.passing_on import passed_answer
from pedigree.server.mlflow.requests import NamedVersion
from pedigree.server.mlflow.routes import Endpoint, MlflowCall, MlflowRoutes
from pedigree.server.mlflow.safe_paths import require_safe_path

T = TypeVar("T")

ARTIFACTS = "/api/2.0/mlflow-artifacts"
AJAX_ARTIFACTS = "/ajax-api/2.0/mlflow-artifacts"
OWN = f"{RESERVED}/{{path:path}}"
"""The part of a path's template that is the registry's."""

# Long enough to begin a download; a download that has begun may take longer.
_URL_LIFETIME = timedelta(minutes=15)


class BothPrefixes:
    """Declares routes of a subject below both prefixes of artifacts.

    Args:
        subject: The subject.
    """

    def __init__(self, subject: MlflowRoutes) -> None:
        self._subject = subject

    def at(self, method: str, path: str, name: str) -> Callable[[Endpoint], Endpoint]:
        """Declare a route.

        Args:
            method: The method.
            path: Its path below the prefix.
            name: Its name, which gets a prefix.
        """

        def add(endpoint: Endpoint) -> Endpoint:
            self._subject.at(method, f"{ARTIFACTS}/{path}", f"mlflow_{name}")(endpoint)
            self._subject.at(method, f"{AJAX_ARTIFACTS}/{path}", f"mlflow_ajax_{name}")(endpoint)
            return endpoint

        return add


routes = MlflowRoutes()
_both = BothPrefixes(routes)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ArtifactOfVersion(NamedVersion):
    """A request for a file of a version by the version's name."""

    path: str = required()
    presigned: bool = optional(False)


class NoPresignedDownloadError(UnsupportedByStoreError):
    """The store has no signed URLs."""

    def __str__(self) -> str:
        """Return MLflow's words."""
        return "Presigned download is not supported for the current artifact repository"


async def in_thread(call: MlflowCall, work: Callable[[Registry], T]) -> T:
    """Do work of a request that waits for the database, in a thread of reads."""
    run = partial(copy_context().run, work, call.registry)
    return await get_running_loop().run_in_executor(call.request.app.state.readers, run)


@_both.at("GET", "artifacts", "list_artifacts")
@requires(Permission.READ, model_in_body=True)
async def list_artifacts(call: MlflowCall) -> Response:
    """List a folder of the files of a version, or of an upload of the caller."""
    given = call.request.query_params.getlist("path")
    if len(given) > 1:  # another server may read another one of them
        raise UnacceptedRequestError("Invalid path")
    path = "".join(given)
    if not any(map(is_of_registry, require_safe_path(path))):
        call.caller.principal.require(Permission.READ)
        return await passed_answer(call)
    place = read_artifact_path(path)
    files = () if place is None else await in_thread(call, partial(_files_at, place=place))
    return _listed(files, place.path if place else "")


@_both.at("GET", f"artifacts/{OWN}", "download_artifact")
@requires(Permission.READ, model_in_body=True)
def download_artifact(call: MlflowCall, path: str) -> Response:
    """Send a file of a version, or of an upload of the caller."""
    place = own_place(path)
    registry = call.registry
    if isinstance(place, UploadPath):
        uploads = registry.operations.upload_areas
        return _sent(call, place.path, partial(uploads.stream_file, place.name, place.path))
    reference = _reference(registry, place)
    return _sent(call, place.path, partial(registry.stream, reference, place.path))


@_both.at("GET", f"presigned/{OWN}", "presign_artifact")
@requires(Permission.READ, model_in_body=True)
def presign_artifact(call: MlflowCall, path: str) -> Response:
    """Return the URL of the store for a file of a version, which anybody can read for a time."""
    place = own_place(path)
    if isinstance(place, UploadPath):
        raise NoPresignedDownloadError("an upload has no signed URLs")
    return _presigned(call.registry, _reference(call.registry, place), place.path)


@routes.get("model-versions/get-artifact")
@requires(Permission.READ, model_in_body=True)
def get_version_artifact(call: MlflowCall, asked: ArtifactOfVersion) -> Response:
    """Send a file of a version that is named by its model and number."""
    require_safe_path(asked.path)
    reference = asked.reference
    if asked.presigned:
        return _presigned(call.registry, reference, asked.path)
    return _sent(call, asked.path, partial(call.registry.stream, reference, asked.path))


routes.at("GET", "/model-versions/get-artifact", "mlflow_page_get_version_artifact")(
    get_version_artifact
)


def own_place(path: str) -> ArtifactPath:
    """Return what a path below the reserved word names.

    Raises:
        UnacceptedRequestError: The path leaves its folder, or hides what it names.
        NoSuchArtifactError: It names nothing.
    """
    require_safe_path(path)
    place = read_artifact_path(f"{RESERVED}/{path}")
    if place is None:
        raise NoSuchArtifactError(f"{RESERVED}/{path}")
    return place


def _sent(call: MlflowCall, path: str, open_file: OpenFile) -> Response:
    """Answer with a file.

    Raises:
        NoSuchArtifactError: There is none at the path.
    """
    try:
        return file_answer(call.request, open_file)
    except (ModelNotFoundError, VersionNotFoundError):
        raise
    except NotFoundError as error:
        raise NoSuchArtifactError(path) from error


def _files_at(registry: Registry, place: ArtifactPath) -> tuple[ManifestFile, ...]:
    if isinstance(place, UploadPath):
        return registry.operations.upload_areas.files(place.name)
    return registry.manifest(_reference(registry, place)).files


def _reference(registry: Registry, place: VersionPath) -> str:
    return registry.operations.artifact_places.reference(
        ArtifactPlace(place.model_id, place.version)
    )


def _listed(files: Iterable[ManifestFile], folder: str) -> Response:
    """Answer with what is directly in a folder; as in MLflow, an empty list is left out."""
    found = [
        {
            "path": each.name,
            "is_dir": each.size is None,
            **({} if each.size is None else {"file_size": each.size}),
        }
        for each in children(files, folder)
    ]
    body: dict[str, Any] = {"files": found} if found else {}
    return Response(to_json(body), media_type="application/json")


def _presigned(registry: Registry, reference: str, path: str) -> Response:
    try:
        (url,) = registry.presign(reference, path, expires=_URL_LIFETIME).values()
    except UnsupportedByStoreError as error:
        raise NoPresignedDownloadError(error.message) from error
    sizes = {file.path: file.size for file in registry.manifest(reference).files}
    body = {"url": url, "headers": {}, "file_size": sizes[path]}
    return Response(
        to_json(body), headers={"Cache-Control": "no-store"}, media_type="application/json"
    )
