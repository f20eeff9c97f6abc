"""What MLflow's clients ask of the server itself, before they send a token."""

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from pedigree.server.http.named_routes import NamedRoute

MLFLOW_VERSION = "3.17.2"
"""The release of MLflow whose protocol this is."""

# What a client need not try. It reads this to choose how it moves artifacts, and for workspaces.
_INFO = {
    "store_type": None,
    "workspaces_enabled": False,
    "trace_archival_enabled": False,
    # A client would read every file by a URL of the store, past the service.
    "multipart_downloads_enabled": False,
    "presigned_upload_run_id_supported": False,
    "presigned_upload_model_id_supported": False,
    "features_enabled": {"gateway": False},
}


async def _version(_: Request) -> Response:
    return PlainTextResponse(MLFLOW_VERSION)


async def _health(_: Request) -> Response:
    return PlainTextResponse("OK")


async def _server_info(request: Request) -> Response:
    # The parts of a file go to URLs of the store, if it signs them.
    signs = not request.app.state.registry.store.is_local
    info = {**_INFO, "multipart_uploads_enabled": signs}
    return Response(to_json(info), media_type="application/json")


ROUTES = (
    NamedRoute("/version", _version, methods=["GET"], name="mlflow_version"),
    NamedRoute("/health", _health, methods=["GET"], name="mlflow_health"),
    NamedRoute("/api/3.0/mlflow/server-info", _server_info, methods=["GET"], name="mlflow_info"),
    NamedRoute(
        "/ajax-api/3.0/mlflow/server-info", _server_info, methods=["GET"], name="mlflow_ajax_info"
    ),
)
