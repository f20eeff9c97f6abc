"""Passing on: what is of tracking goes to the tracking server of the same deployment.

Each request and each answer is a stream. Neither the client's credential nor any header that is not
listed reaches the other side; routes of the registry are never passed on.
"""

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from pedigree.access.records import Permission
from pedigree.errors import NotPermittedError
from pedigree.server.http.auth import requires
from pedigree.server.http.fair_use import Use
from pedigree.server.http.heads import is_head
from pedigree.server.mlflow.errors import no_endpoint
from pedigree.server.mlflow.passing_on_headers import answered_headers, asked_headers
from pedigree.server.mlflow.passing_on_paths import Owner, owner_of, passed_on
from pedigree.server.mlflow.routes import MlflowCall, MlflowRoutes
from pedigree.server.mlflow.tracking_server import TrackingAnswer, TrackingUpstream

routes = MlflowRoutes()

PREFIXES = {
    "mlflow_tracking": "/api/2.0/mlflow",
    "mlflow_ajax_tracking": "/ajax-api/2.0/mlflow",
    "mlflow_tracking_3": "/api/3.0/mlflow",
    "mlflow_ajax_tracking_3": "/ajax-api/3.0/mlflow",
    "mlflow_files": "/api/2.0/mlflow-artifacts",
    "mlflow_ajax_files": "/ajax-api/2.0/mlflow-artifacts",
}
_WRITES = ("POST", "PUT", "PATCH", "DELETE")


class PassedAnswer(StreamingResponse):
    """An answer of the tracking server, sent as it comes; it ends when the client is gone.

    Args:
        answer: The answer.
        has_body: The client wants more than its head.
    """

    def __init__(self, answer: TrackingAnswer, *, has_body: bool) -> None:
        super().__init__(answer.content() if has_body else (), answer.status)
        self._passed = answer
        self.raw_headers = [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in answered_headers(answer.headers)
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._passed.close()


@requires(Permission.READ, streams=True, use=Use.PASSED_ON)
async def pass_read_on(call: MlflowCall, rest: str = "") -> Response:  # noqa: ARG001
    """Pass a read of tracking on."""
    return await passed_answer(call)


@requires(Permission.TRACK, streams=True, use=Use.PASSED_ON)
async def pass_write_on(call: MlflowCall, rest: str = "") -> Response:  # noqa: ARG001
    """Pass a write of tracking on, or what may be one."""
    return await passed_answer(call)


async def passed_answer(call: MlflowCall) -> Response:
    """Return the answer of the tracking server to a request that its route permits.

    Raises:
        UnacceptedRequestError: The path hides what it names.
        NotPermittedError: It needs rights of the service at the tracking server.
        ServiceUnavailableError: The server does not answer.
        ServiceBusyError: A write was not sent.
    """
    request = call.request
    path: str = request.scope["path"]
    server: TrackingUpstream | None = request.app.state.tracking_server
    owner = owner_of(path)
    if server is None or owner is Owner.REGISTRY:
        return no_endpoint(path, [])
    if owner is Owner.NOBODY:
        raise NotPermittedError(
            "the administration of the tracking server is not passed on",
            field="path",
            value=path,
            remedy="Ask the tracking server itself",
        )
    principal = call.caller.principal.shown_name
    headers = asked_headers(request.headers.items(), principal, server.authorization)
    answer = await server.ask(request, passed_on(path), headers)
    return PassedAnswer(answer, has_body=not is_head(request.scope))


def _declare() -> None:
    for name, prefix in PREFIXES.items():
        path = f"{prefix}/{{rest:path}}"
        routes.at("GET", path, f"{name}_get")(pass_read_on)
        for method in _WRITES:
            routes.at(method, path, f"{name}_{method.lower()}")(pass_write_on)
    routes.at("GET", "/get-artifact", "mlflow_get_artifact")(pass_read_on)
    routes.at("POST", "/v1/traces", "mlflow_traces")(pass_write_on)
    for method in ("GET", "POST"):
        # A query of it may change something.
        routes.at(method, "/graphql", f"mlflow_graphql_{method.lower()}")(pass_write_on)


_declare()
