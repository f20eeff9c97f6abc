"""URLs of the files of versions, as ``get-download-uri`` gives them to clients.

The host comes from ``PEDIGREE_URL`` alone: a URL made of a header would send the client, and its
token, wherever who wrote the header wants.
"""

from starlette.requests import Request

from pedigree.errors import InvalidInputError
from pedigree.registry.artifact_places import ArtifactPlace
from pedigree.server.http.credentials import is_local
from pedigree.server.http.proxies import public_path
from pedigree.server.mlflow.artifact_paths import path_of_version
from pedigree.settings import Settings

_ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"


def artifact_url(request: Request, settings: Settings, place: ArtifactPlace) -> str:
    """Return the URL of the files of a version.

    Args:
        request: The request of a client that asks for it.
        settings: The settings of the service.
        place: The version.

    Raises:
        InvalidInputError: ``PEDIGREE_URL`` is unset, and the request is not of this machine.
    """
    path = f"{_ARTIFACTS}/{path_of_version(place.model_id, place.version)}"
    if settings.url is not None:
        return f"{settings.url.rstrip('/')}{path}"
    if not is_local(request):
        raise InvalidInputError(
            "the service does not know its own URL",
            field="PEDIGREE_URL",
            remedy="Ask its admin to set PEDIGREE_URL to the URL that clients use",
        )
    host = request.headers["host"]
    return f"{request.url.scheme}://{host}{public_path(request.scope, path)}"
