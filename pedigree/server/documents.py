"""``/openapi.json`` and ``/docs``: the description of the routes, and a page that shows it.

The page loads only files of this service: Swagger UI is part of the package `fastapi-swagger`.
"""

import json
from functools import cache
from html import escape
from importlib.resources import files

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from pedigree.server.http.etags import etag_of, is_known
from pedigree.server.http.named_routes import NamedRoute
from pedigree.server.http.proxies import public_path
from pedigree.server.http.security_headers import DOCUMENTATION_POLICY

OPENAPI = "/openapi.json"
DOCS = "/docs"

_SCRIPT, _STYLE, _ICON = "swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"
_START = "start.js"
_TYPES = {_SCRIPT: "text/javascript", _STYLE: "text/css", _ICON: "image/png"}
_CACHING = {"Cache-Control": "no-cache"}

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Pedigree</title>
<link rel="stylesheet" href="{folder}/swagger-ui.css">
<link rel="icon" href="{folder}/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="{folder}/swagger-ui-bundle.js"></script>
<script src="{folder}/start.js"></script>
</body>
</html>
"""
# A file of its own: the policy of the page allows no script inside the page. The path of the
# document is relative to the page, so it holds under any prefix.
_STARTING = """SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
});
"""


async def openapi(request: Request) -> Response:
    """Return the OpenAPI document, with the prefix of the paths as its server."""
    document = request.app.openapi()
    if prefix := public_path(request.scope, ""):
        document = {**document, "servers": [{"url": prefix}]}
    return _answer(request, json.dumps(document).encode(), "application/json")


async def docs(request: Request) -> Response:
    """Return the page that shows the OpenAPI document."""
    page = _PAGE.format(folder=escape(public_path(request.scope, DOCS), quote=True))
    headers = {"Content-Security-Policy": DOCUMENTATION_POLICY, **_CACHING}
    return HTMLResponse(page, headers=headers)


async def docs_file(request: Request) -> Response:
    """Return a script, style or picture of the page."""
    name = request.path_params["file"]
    if name == _START:
        return _answer(request, _STARTING.encode(), "text/javascript")
    if name not in _TYPES:
        raise HTTPException(404, "Not Found")
    return _answer(request, _asset(name), _TYPES[name])


ROUTES = (
    NamedRoute(OPENAPI, openapi, name="openapi"),
    NamedRoute(DOCS, docs, name="docs"),
    NamedRoute(f"{DOCS}/{{file}}", docs_file, name="docs_file"),
)


@cache
def _asset(name: str) -> bytes:
    return files("fastapi_swagger.resources").joinpath(name).read_bytes()


def _answer(request: Request, content: bytes, kind: str) -> Response:
    headers = {"ETag": etag_of(content), **_CACHING}
    if is_known(request.headers.get("if-none-match"), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=kind)
