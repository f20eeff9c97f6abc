"""Hostile requests over the semantics of HTTP, by class; none may have an effect."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

import httpx2

from pedigree.server.http.auth import ProtectedRoute
from pedigree.server.http.forms import FORM
from pedigree.server.http.security_headers import SECURITY_HEADERS
from tests.server.routes import Target, protected, targets

JSON = {"Content-Type": "application/json"}
EVIL = "evil.example"


@dataclass(frozen=True)
class Attempt:
    """One request, the class that it belongs to, and the statuses that are no effect."""

    kind: str
    method: str
    path: str
    query: Any = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    expected: tuple[int, ...] = ()


def attempts() -> Iterator[Attempt]:
    """All attempts, in a fixed order."""
    yield from unknown_parameters()
    yield from repeated_parameters()
    yield from content_types()
    yield from vague_scopes()
    yield from patches()
    yield from heads()
    yield from conditions()
    yield from prefixes_and_redirects()
    yield from documents()
    yield from bad_bodies()
    yield from bad_parameters()


def unknown_parameters() -> Iterator[Attempt]:
    names = (
        "filter_string",
        "limit[]",
        "Limit",
        "partitions",
        "../x",
        "a" * 500,
        "\u00e9",
        "reason\x00",
    )
    for number, target in enumerate(_api()):
        for name in (names[number % len(names)], names[(number + 3) % len(names)]):
            query = [*target.query.items(), (name, "1")]
            yield _on(target, "unknown parameter", query=query, expected=(400,))


def repeated_parameters() -> Iterator[Attempt]:
    for target in _api():
        route = target.route
        assert isinstance(route, ProtectedRoute)
        for name in sorted(route.query.single) if route.query else ():
            query = [*target.query.items(), (name, "1"), (name, "2"), (name, "1")]
            yield _on(target, "repeated parameter", query=query, expected=(400,))


def takes_form(route: ProtectedRoute) -> bool:
    body = (route.openapi_extra or {}).get("requestBody", {})
    return FORM in body.get("content", {})


def content_types() -> Iterator[Attempt]:
    kinds = (None, "text/plain", "application/x-www-form-urlencoded", FORM, "json")
    for target in _api("POST", "PUT", "PATCH"):
        route = target.route
        assert isinstance(route, ProtectedRoute)
        for kind in kinds if route.body_field is not None else ():
            headers = {} if kind is None else {"Content-Type": kind}
            body = b'{"name": "hostile", "description": "x", "reason": "x"}'
            # Where a form may be sent, this one is broken: it names no boundary.
            expected = (400,) if kind == FORM and takes_form(route) else (415,)
            yield _on(target, "content type", headers=headers, content=body, expected=expected)


def vague_scopes() -> Iterator[Attempt]:
    for query in (
        {"asset": "customers"},
        {"asset": "customers", "partitions": "May"},
        {"asset": "customers", "partition": "May", "whole_asset": "true"},
        {"asset": "customers", "whole_asset": "false"},
        {"asset": "customers", "whole_asset": ""},
        {"asset": "", "whole_asset": "true"},
        {"partition": "May"},
        {"whole_asset": "true"},
        {},
    ):
        path = "/api/v1/quarantines"
        yield Attempt("vague scope", "DELETE", path, query, expected=(400, 422))
    for target in protected("DELETE"):
        if target.query:
            yield _on(target, "vague scope", query={}, expected=(400,))


def patches() -> Iterator[Attempt]:
    bodies = (
        *("null", "[]", '"x"', "3", "true", "{", "", "NaN", '{"description": NaN}'),
        *('{"tags": {"a": 1}}', '{"tags": {"a": {"b": null}}}', '{"tags": []}', '{"tags": "x"}'),
        *('{"owners": "ann"}', '{"owners": [null]}', '{"owners": {"0": null}}'),
        *('{"name": "x"}', '{"version_id": 7}', '{"created_at": null}', '{"": null}'),
        *('{"url": null}', '{"active": "no"}', '{"active": 1}', '{"types": [null]}'),
        '{"description": ' + "[" * 5000 + "]" * 5000 + "}",
        '{"tags": ' + '{"a":' * 3000 + "null" + "}" * 3000 + "}",
    )
    for target in _api("PATCH"):
        for body in bodies:
            content = body.encode()
            yield _on(target, "merge patch", headers=JSON, content=content, expected=(400, 422))


def heads() -> Iterator[Attempt]:
    for target in targets("GET"):
        yield _on(target, "head", method="HEAD")
        yield _on(target, "head", method="HEAD", headers={"Range": "bytes=0-", "Accept": "*/*"})


def conditions() -> Iterator[Attempt]:
    values = ('"', '"""', "W/", "*, *", "W/*", '"a"' * 900, ",,,,", '"\u00e9"')
    path = "/api/v1/models/churn/versions/1/download/model.bin"
    for value in values:
        for header in ("If-None-Match", "If-Range", "Range"):
            sent = value.encode("latin-1", "replace").decode("latin-1")
            more = {"Range": "bytes=1-"} if header == "If-Range" else {}
            yield Attempt("condition", "GET", path, headers={header: sent, **more})
    for given in ("bytes=-1", "bytes=9-1", "bytes=0-,1-", f"bytes={10**17}-", "bytes=1e3-"):
        yield Attempt("condition", "GET", path, headers={"Range": given})


def prefixes_and_redirects() -> Iterator[Attempt]:
    prefixes = (
        f"//{EVIL}",
        f"https://{EVIL}",
        "/a/../..",
        "/\\" + EVIL,
        "/a b",
        f"/{EVIL}",
        "/%0d%0a",
    )
    for prefix in prefixes:
        headers = {"X-Forwarded-Prefix": prefix, "X-Forwarded-Host": EVIL, "Host": EVIL}
        for path in (
            "/api/v1/models/",
            "/api/v1/models?limit=1",
            "/docs",
            "/openapi.json",
            "/docs/",
        ):
            yield Attempt("prefix", "GET", path, headers=headers)
    for path in (f"//{EVIL}/", f"//{EVIL}/api/v1/models/", "/api/v1//models/", "/..//", "/docs//"):
        yield Attempt("redirect", "GET", path)


def documents() -> Iterator[Attempt]:
    for name in (
        *("../main.py", "..%2f..%2fmain.py", "%2e%2e/__init__.py", "__init__.py", "main.py"),
        *("swagger-ui.css/", "SWAGGER-UI.CSS", "swagger-ui.css%00", "%2fetc%2fpasswd"),
    ):
        yield Attempt("document", "GET", f"/docs/{name}", expected=(307, 400, 404))


def bad_bodies() -> Iterator[Attempt]:
    """A bad value in each field of each body, in turn."""
    values = (
        *('"a\\u0000b"', '"\\ud800"', json.dumps("x" * 70_000), "NaN", "-Infinity", "1e999"),
        *("[" * 300 + "]" * 300, '{"a":' * 80 + "1" + "}" * 80, "9" * 400),
    )
    for target in _api("POST", "PUT", "PATCH"):
        for name in _fields(target):
            for value in values:
                content = f'{{"{name}": {value}}}'.encode()
                yield _on(target, "bad value in a body", headers=JSON, content=content,
                          expected=(400, 404, 409, 413, 422))  # fmt: skip


def _fields(target: Target) -> Iterator[str]:
    assert isinstance(target.route, ProtectedRoute)
    body = target.route.body_field
    fields = getattr(body.field_info.annotation if body else None, "model_fields", {})
    yield from (field.alias or name for name, field in fields.items())


def bad_parameters() -> Iterator[Attempt]:
    """A bad value in each parameter of each query, in turn."""
    no_text, strange = ("%00", "%ED%A0%80", "%FF"), ("x" * 6_000, "9" * 400, "%1B%5B2J", "((")
    for target in _api():
        # Strange texts are reasons too.
        values = (*no_text, *strange) if target.method == "GET" else no_text
        assert isinstance(target.route, ProtectedRoute)
        for name in sorted(target.route.query.single) if target.route.query else ():
            for value in values:
                others = {key: given for key, given in target.query.items() if key != name}
                path = f"{target.path}?{urlencode(others)}&{name}={value}"
                expected = (400, 403, 404, 409, 422) if value in no_text else ()
                bad = _on(target, "bad value in a query", expected=expected)
                yield replace(bad, path=path, query=())


def effect_of(attempt: Attempt, answer: httpx2.Response) -> str | None:
    """Say what effect an attempt had beyond a refusal or a harmless answer; None if none."""
    if answer.status_code >= 500:
        return f"answered {answer.status_code}"
    if attempt.expected and answer.status_code not in attempt.expected:
        return f"answered {answer.status_code} {answer.text[:200]}"
    return _effect_in_headers(answer) or _effect_in_body(attempt, answer)


def _effect_in_headers(answer: httpx2.Response) -> str | None:
    missing = [name for name, _ in SECURITY_HEADERS if name.decode() not in answer.headers]
    if missing:
        return f"without {missing}"
    led = [name for name in ("location", "link") if EVIL in answer.headers.get(name, "")]
    return f"led to {EVIL} by {led}" if led else None


def _effect_in_body(attempt: Attempt, answer: httpx2.Response) -> str | None:
    if attempt.method == "HEAD":
        return "a body" if answer.content else None
    if EVIL in answer.text:
        return "the page names the host"
    if answer.status_code < 400:
        return None
    problem = json.loads(answer.content)
    complete = problem.get("detail") and problem["status"] == answer.status_code
    return None if complete else f"no problem details: {answer.text[:200]}"


def _api(*methods: str) -> Iterator[Target]:
    return (each for each in protected(*methods) if each.is_api)


def _on(target: Target, kind: str, *, method: str | None = None, **fields: Any) -> Attempt:
    fields.setdefault("query", target.query)
    return Attempt(kind, method or target.method, target.path, **fields)
