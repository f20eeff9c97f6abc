"""All routes of the service, each with a request that it can answer; a law is tried on all."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
from fastapi.routing import APIRoute
from starlette.routing import Route

from pedigree.contract.paths import PREFIX
from pedigree.server.app import create_app
from pedigree.server.http.auth import ProtectedRoute, RouteAccess
from pedigree.server.mlflow.fields import fields_of
from pedigree.server.mlflow.routes import MlflowRoute
from pedigree.server.web.open_pages import OpenPageRoute
from pedigree.server.web.routes import PageRoute
from pedigree.server.web.static_files import static_name

OPEN = (
    *("/livez", "/readyz", "/openapi.json", "/docs", "/docs/start.js", "/docs/swagger-ui.css"),
    f"/static/{static_name('pedigree.css')}",
    *("/version", "/health", "/api/3.0/mlflow/server-info", "/ajax-api/3.0/mlflow/server-info"),
)

# Values that lead to what `tests.server.fuzz.furnish` made, by the names of parameters.
KNOWN: dict[str, Any] = {
    "name": "churn",
    "version": 1,
    "check": "fairness",
    "alias": "champion",
    "stage": "production",
    "path": "model.bin",
    "rest": "runs/get",
    "drift_id": 1,
    "webhook_id": 1,
    "token_id": 1,
    "seq": 1,
    "upload_id": "00000000-0000-4000-8000-000000000000",
    "digest": "sha256:" + hashlib.sha256(b"a").hexdigest(),
    "grant_id": 1,
    "key": "team",
    "request_id": 1,
    "group": "risk",
    "role": "looker",
    "member": "ann",
    "principal": "ann",
    "level": 0,
    "tile": "000.p/1",
    "old": 1,
    "a": "churn/1",
    "b": "churn/2",
    "to": "staging",
    "asset": "customers",
    "moment": "2026-03-01T12:00:00Z",
    "reason": "a test",
    "type_id": "User",
    "schema_id": "urn:ietf:params:scim:schemas:core:2.0:User",
    "user_id": "00000000-0000-4000-8000-000000000000",
    "group_id": "00000000-0000-4000-8000-000000000000",
    "pattern": "risk-*",
}
# A name that parameters of several routes have, with a value for each route.
FILES = {"docs_file": "start.js", "static_file": static_name("pedigree.css")}
# What does not exist for these values; a store in a folder signs no URLs.
MISSING = {
    **dict.fromkeys(("get_upload", "get_delivery", "get_datasheet"), 404),
    **dict.fromkeys(("get_scim_user", "get_scim_group"), 404),
    # No key seals the log of that service.
    **dict.fromkeys(("get_log_checkpoint", "get_log_tile", "get_log_consistency"), 404),
    **dict.fromkeys(("sign_urls", "get_retraining"), 409),
    # Requests are passed on only to a tracking server, and that service has none.
    **dict.fromkeys(
        (
            *("mlflow_tracking_get", "mlflow_ajax_tracking_get", "mlflow_tracking_3_get"),
            *("mlflow_ajax_tracking_3_get", "mlflow_files_get", "mlflow_ajax_files_get"),
            *("mlflow_get_artifact", "mlflow_graphql_get"),
            *("mlflow_list_artifacts", "mlflow_ajax_list_artifacts"),
            # It names no version.
            *("mlflow_download_artifact", "mlflow_ajax_download_artifact"),
            *("mlflow_presign_artifact", "mlflow_ajax_presign_artifact"),
        ),
        404,
    ),
    # The webhook of that service has our own form.
    **dict.fromkeys(("mlflow_get_webhook_get", "mlflow_ajax_get_webhook_get"), 404),
    # No open request has the number.
    "page_review": 404,
    # This browser began no sign-in.
    "page_sign_in_callback": 401,
}


@dataclass(frozen=True)
class Target:
    """One method of one route, with a path and the parameters that it requires."""

    method: str
    route: Route
    path: str
    query: dict[str, Any] = field(default_factory=dict)

    @property
    def is_api(self) -> bool:
        """Whether it belongs to our own API, below its prefix."""
        return self.path.startswith(PREFIX)

    @property
    def is_page(self) -> bool:
        """Whether it belongs to the web page, and answers with HTML."""
        return isinstance(self.route, PageRoute | OpenPageRoute) and not self.is_stream

    @property
    def is_stream(self) -> bool:
        """Whether it is a page's stream, which answers with JSON if no stream is asked for."""
        return isinstance(self.route, PageRoute) and self.route.streams

    @property
    def declared(self) -> RouteAccess:
        """The access rules that its route declares."""
        assert isinstance(self.route, ProtectedRoute | PageRoute | MlflowRoute)
        return self.route.declared

    def __str__(self) -> str:
        return f"{self.method} {self.route.path}"


def targets(*methods: str) -> Iterator[Target]:
    """Every route of the application with each of its methods; only these methods if given."""
    for route in create_app().routes:
        assert isinstance(route, Route)
        for method in sorted((route.methods or set()) - {"HEAD"}):
            if not methods or method in methods:
                yield Target(method, route, _filled(route), _required(route))


def protected(*methods: str) -> Iterator[Target]:
    """The targets of the API, and others that FastAPI serves, that require a token."""
    return (each for each in targets(*methods) if isinstance(each.route, ProtectedRoute))


def pages(*methods: str) -> Iterator[Target]:
    """The targets of the web page that require that somebody is known."""
    return (each for each in targets(*methods) if isinstance(each.route, PageRoute))


def of_mlflow(*methods: str) -> Iterator[Target]:
    """The targets of MLflow's protocol that require a token."""
    return (each for each in targets(*methods) if isinstance(each.route, MlflowRoute))


def guarded(*methods: str) -> Iterator[Target]:
    """All targets that require that somebody is known."""
    yield from protected(*methods)
    yield from pages(*methods)
    yield from of_mlflow(*methods)


def send(client: httpx2.Client, target: Target, **options: Any) -> httpx2.Response:
    """Send a target's request; the client may be one of the API, or of the service's root."""
    url = f"{str(client.base_url).rstrip('/').removesuffix(PREFIX)}{target.path}"
    return client.request(target.method, url, params=target.query, **options)


def _filled(route: Route) -> str:
    path = route.path_format
    for name in route.param_convertors:
        known = FILES[route.name] if name == "file" else KNOWN[name]
        path = path.replace(f"{{{name}}}", str(known))
    return path


def _required(route: Route) -> dict[str, Any]:
    if isinstance(route, MlflowRoute) and route.takes and route.method == "GET":
        asked = fields_of(route.takes)
        needed = (
            each for each in asked if each.declared.is_required or not each.declared.is_checked
        )
        return {each.name: KNOWN[each.name] for each in needed}
    if not isinstance(route, APIRoute):
        return {}
    asked = route.dependant.query_params
    return {each.alias: KNOWN[each.alias] for each in asked if each.field_info.is_required()}
