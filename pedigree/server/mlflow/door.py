"""The door for MLflow's clients: its routes, in front of the framework."""

import re
from collections.abc import Sequence

from fastapi import FastAPI
from starlette.requests import Request
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from pedigree.server.mlflow import (
    aliases,
    artifact_uploads,
    artifacts,
    download_uris,
    models,
    passing_on,
    registering,
    searching,
    server,
    stages,
    tags,
    versions,
    webhooks,
)
from pedigree.server.mlflow.errors import no_endpoint
from pedigree.server.mlflow.routes import AJAX, API, MlflowRoute, MlflowRoutes

SUBJECTS: tuple[MlflowRoutes, ...] = (
    models.routes,
    versions.routes,
    registering.routes,
    stages.routes,
    aliases.routes,
    tags.routes,
    searching.routes,
    webhooks.routes,
    download_uris.routes,
    artifacts.routes,
    artifact_uploads.routes,
    # The last one, since it has a route for every path.
    passing_on.routes,
)

# Below these every path is MLflow's, so an unknown one is refused in its form.
_OWN = tuple(f"{prefix}/" for prefix in (API, AJAX, *passing_on.PREFIXES.values()))


def open_mlflow(app: FastAPI) -> None:
    """Let an application serve MLflow's clients; their routes are not in the OpenAPI document."""
    # First, since a route that passes on has a pattern for their paths.
    app.router.routes.extend(server.ROUTES)
    for subject in SUBJECTS:
        app.router.routes.extend(subject.routes)


class MlflowMiddleware:
    """An application that answers MLflow's clients in front of another one.

    Args:
        app: The application that answers everything else.
        routes: Its routes.
    """

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._exact: dict[str, dict[str, MlflowRoute]] = {}
        self._patterns: list[tuple[re.Pattern[str], MlflowRoute]] = []
        # What a client may ask without a token, though a pattern has its path.
        self._open = {each.path for each in server.ROUTES}
        for route in routes:
            if not isinstance(route, MlflowRoute):
                continue
            if route.param_convertors:
                self._patterns.append((route.path_regex, route))
            else:
                self._exact.setdefault(route.path, {})[route.method] = route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope.get("root_path"):
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        found = self._exact.get(path)
        if found is None and path.startswith(_OWN) and path not in self._open:
            found = self._matching(path)
        if found is None:
            await self._app(scope, receive, send)
            return
        route = found.get(scope["method"])
        if route is None:
            await no_endpoint(path, sorted(found))(scope, receive, send)
            return
        matched = route.path_regex.match(path) if route.param_convertors else None
        parts = matched.groupdict() if matched else {}
        scope.update(path_params=parts, route=route, endpoint=route.endpoint)
        response = await route.answer(Request(scope, receive, send))
        await response(scope, receive, send)

    def _matching(self, path: str) -> dict[str, MlflowRoute]:
        """Return the routes of a path with parts, by their methods: the first one that matches."""
        found: dict[str, MlflowRoute] = {}
        for pattern, route in self._patterns:
            if pattern.match(path):
                found.setdefault(route.method, route)
        return found
