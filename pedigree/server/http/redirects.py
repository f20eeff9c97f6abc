"""Redirects from a path with a slash at its end to the path without it."""

from urllib.parse import quote

from fastapi import Request
from starlette.responses import Response
from starlette.routing import Route

from pedigree.server.http.proxies import public_path


def redirect(request: Request) -> Response | None:
    """Return the redirect to the same path without its last slash, if it has a route.

    The target has no host: with a proxy in front, the service knows neither name nor scheme.
    """
    path: str = request.scope["path"]
    shorter = path.rstrip("/")
    if "route" in request.scope or shorter == path or not routes_at(request, shorter):
        return None
    query = f"?{request.url.query}" if request.url.query else ""
    location = f"{public_path(request.scope, quote(shorter))}{query}"
    return Response(status_code=307, headers={"Location": location})


def routes_at(request: Request, path: str) -> list[Route]:
    """Return the routes of a path; each method has its own."""
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    return [route for route in routes if route.path_regex.match(path)]
