"""Hostile requests for the door of MLflow's clients, by class: each must be refused by 4xx.

A path is as it goes over the wire. ``{api}`` and ``{files}`` are paths below one of the
prefixes, ``{model_id}`` for a model, ``{port}`` for that of a server that must not be reached.
"""

import json
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from tests.egress.test_hostile_hosts import LITERAL
from tests.mlflow.test_passing_on import SPELLINGS, WEBHOOKS
from tests.server.raw import request

KNOWN = "churn"
"""A model with a sealed version, an upload of files and an alias."""

_NUL, _SURROGATE = "a\x00b", "a\ud800b"
# Ends of a path that leave its folder, hide a part of it, or mean something else to another reader.
_ENDS = (
    *("../x", "a/../../x", "..%2fx", "%2e%2e/x", "%252e%252e/x", "%25252e%25252e/x", "a\\..\\x"),
    *("a//x", "a#../x", "a?x=../y", "a;b", _NUL, "a%00b", _SURROGATE),
)
_BEGINNINGS = (
    *("s3://models/", "gs://models/", "abfss://box@acc.dfs.core.windows.net/", "dbfs:/models/"),
    *("https://files.example/", "file:///srv/models/", "/srv/models/", "mlflow-artifacts:/"),
    *("runs:/0a1b/", f"models:/{KNOWN}/1/"),
)
_SOURCES = (
    *("file://evil.example/srv/models", "file://localhost/srv/models", "file:srv", "file:////etc"),
    *("/etc/passwd", "file:///etc/passwd", "../../etc/passwd", "~/.ssh", "/proc/self/environ"),
    *("s3://b", "s3:/b/x", "s3://key:secret@b/x", "mlflow-artifacts://evil.example/x", ""),
    *("ftp://evil.example/x", "hdfs://evil.example/x", "x" * 501),
    *("models://other/churn/1", "models:/a/b/c", "models:/churn@", "runs://host/R/x", "runs:/"),
    *("mlflow-artifacts:/pedigree/models/1/1", "mlflow-artifacts:/pedigree/uploads/of-ann/model"),
)
# The same for artifacts, as they go over the wire.
_WIRE = (
    *("../x", "a/../../x", "..%2fx", "%2e%2e/x", "%2e%2e%2fx", "%252e%252e/x", "%25252e%25252e/x"),
    *("a%5c..%5cx", "a//x", "a%23x", "a%00b", "%2fetc%2fpasswd", "a/%2e/x", "%0d%0aSet-Cookie:x"),
)
_NAMES = (
    *("..", ".", "../x", "a/b", "a:b", "a\\b", "%2e%2e%2fx", " ", "", "a" * 300, "a\nb"),
    *(_NUL, _SURROGATE),
)
_KEYS = ("..", "../x", "/x", "a/../b", "a//b", "a\\b", "%2e%2e/x", "k" * 251, "", _NUL, _SURROGATE)
_RUNS = ("../R", "R/../S", "R%2f..", "R#", "R?x=1", "R\\S", _NUL, _SURROGATE, "other", "r" * 5000)
_TYPES = (
    *("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"),
    *("text/html", "application/xml", "application/jsonp", ""),
)
_BODIES = (
    *(b"[]", b"5", b"true", b'"[]"', b"{", b"\xff\xfe", b"", b"null", b"[" * 5000),
    *(b'{"name": "a\\u0000b"}', b'{"name": "\\ud800"}', b'{"name": {"$ne": ""}}'),
    b'{"name": "' + b"a" * (5 << 20) + b'"}',
)
_FILTERS = (
    *("name = 'a'; DROP TABLE x", "name = 'a' OR 1 = 1", "name = 'a' UNION SELECT 1", "1 = 1"),
    *("name = 'a' --", "name = 'a' /* */ OR 1=1", "name ~ '(a+)+$'", "name LIKE", "name RLIKE 'a'"),
    *("pg_sleep(9) = 'a'", "tags.`a = 'b'", "name = \"a' OR '1'='1\"x", "name = 'a\x00'", "'"),
    *("a" * 9000, "secret = 'a'", "name IN (SELECT 1)", "(name = 'a')"),
)
_TOKENS = ("../x", "-1", "eyJvZmZzZXQiOiAtMX0=", "eyJvZmZzZXQiOiAiJyBPUiAxPTEifQ==", "%00", "'")
_POSTS = (
    *("registered-models/create", "registered-models/rename", "registered-models/set-tag"),
    *("registered-models/alias", "model-versions/create", "model-versions/transition-stage"),
)
# Addresses are judged when a connection is made (test_webhooks.py): a name may lead anywhere later.
_WEBHOOKS = ("file:///etc/passwd", "gopher://127.0.0.1:{port}/x", "ftp://127.0.0.1:{port}/x")


class HostileRequest(NamedTuple):
    """One request, and the class that it belongs to."""

    kind: str
    method: str
    path: str
    headers: Mapping[str, str] = {}
    body: bytes = b""

    def over_the_wire(self, prefix: str, facts: Mapping[str, str], *more: str) -> bytes:
        """Return its bytes, below a prefix, with further lines of its head."""
        path, body = self.path, self.body
        places = {"api": f"{prefix}/mlflow", "files": f"{prefix}/mlflow-artifacts", **facts}
        for name, value in places.items():
            path = path.replace(f"{{{name}}}", value)
            body = body.replace(f"{{{name}}}".encode(), value.encode())
        lines = [f"{name}: {value}" for name, value in self.headers.items()]
        lines += [f"Content-Length: {len(body)}"] if self.method != "GET" else []
        return request(self.method, path, *lines, *more, body=body)


def hostile_requests() -> Iterator[HostileRequest]:
    """All of them, in a fixed order."""
    yield from sources()
    yield from artifacts()
    yield from names()
    yield from tags()
    yield from lineage()
    yield from server_side_requests()
    yield from contents()
    yield from filters()
    yield from spellings()


def sent(kind: str, method: str, path: str, **fields: Any) -> HostileRequest:
    """Return a request with fields, in its query if it reads, else in its body."""
    if method == "GET":
        values = {key: str(value).encode("utf-8", "surrogatepass") for key, value in fields.items()}
        return HostileRequest(kind, method, f"{{api}}/{path}?{urlencode(values)}")
    body = json.dumps(fields).encode()
    return HostileRequest(
        kind, method, f"{{api}}/{path}", {"Content-Type": "application/json"}, body
    )


def created(kind: str, source: str, **fields: Any) -> HostileRequest:
    """Return a request that creates a version."""
    return sent(kind, "POST", "model-versions/create", name=KNOWN, source=source, **fields)


def sources() -> Iterator[HostileRequest]:
    """Sources that leave what they name, or hide it."""
    for beginning, end in product(_BEGINNINGS, _ENDS):
        yield created("traversal in a source", beginning + end)
    for source in _SOURCES:
        yield created("another place as a source", source)


def artifacts() -> Iterator[HostileRequest]:
    """Paths of files that leave the version or the upload that they name."""
    of_version, of_upload = "pedigree/models/{model_id}/1", "pedigree/uploads/mine"
    kind = "traversal in a path"
    for end in _WIRE:
        for method, start, base in (
            ("GET", "artifacts", of_version),
            ("GET", "artifacts", of_upload),
            ("GET", "presigned", of_version),
            ("PUT", "artifacts", of_upload),
            ("DELETE", "artifacts", of_upload),
            ("POST", "mpu/create", of_upload),
        ):
            yield HostileRequest(kind, method, f"{{files}}/{start}/{base}/{end}")
        yield HostileRequest(kind, "GET", f"{{files}}/artifacts?path={of_version}/{end}")
        asked = f"model-versions/get-artifact?name={KNOWN}&version=1&path={end}"
        yield HostileRequest(kind, "GET", f"{{api}}/{asked}")
    for method in ("PUT", "DELETE"):
        yield HostileRequest("sealed files", method, f"{{files}}/artifacts/{of_version}/MLmodel")


def names() -> Iterator[HostileRequest]:
    """Names of models that are paths, or no text."""
    moved = {"version": "1", "stage": "Production", "archive_existing_versions": False}
    for name in _NAMES:
        kind = "hostile name"
        yield sent(kind, "POST", "registered-models/create", name=name)
        yield sent(kind, "POST", "registered-models/rename", name=KNOWN, new_name=name)
        yield sent(kind, "DELETE", "registered-models/delete", name=name)
        yield sent(kind, "POST", "registered-models/set-tag", name=name, key="a", value="b")
        yield sent(kind, "POST", "registered-models/alias", name=name, alias="a", version="1")
        yield sent(kind, "POST", "model-versions/transition-stage", name=name, **moved)
        yield sent(kind, "GET", "registered-models/get", name=name)
        yield sent(kind, "GET", "model-versions/get-download-uri", name=name, version="1")


def tags() -> Iterator[HostileRequest]:
    """Keys of tags that are paths, and values that are no text."""
    for key in _KEYS:
        tag = [{"key": key, "value": "x"}]
        of_version = {"name": KNOWN, "version": "1"}
        yield sent(
            "hostile tag", "POST", "registered-models/set-tag", name=KNOWN, key=key, value="x"
        )
        yield sent(
            "hostile tag", "POST", "model-versions/set-tag", **of_version, key=key, value="x"
        )
        if key:
            yield created("hostile tag", "s3://models/x", tags=tag)
    for value in (_NUL, _SURROGATE, "v" * 100_001):
        yield sent(
            "hostile tag", "POST", "registered-models/set-tag", name=KNOWN, key="k", value=value
        )


def lineage() -> Iterator[HostileRequest]:
    """Versions that claim the run of somebody else."""
    kind = "another one's run"
    for run_id in _RUNS:
        yield created(kind, "runs:/R/model", run_id=run_id)
        yield created(kind, "mlflow-artifacts:/0/R/artifacts/model", run_id=run_id)
    for model_id in ("m-2", "../m-1", "m-1/..", _NUL, ""):
        yield created(kind, "models:/m-1", model_id=model_id)
    yield created(kind, "runs:/R/model")
    yield created(kind, "models:/m-1")
    yield created(kind, f"models:/{KNOWN}/1", run_id="another")


def server_side_requests() -> Iterator[HostileRequest]:
    """Texts that would let the service ask a server of the caller's choice."""
    for host in LITERAL:
        yield created("server-side request", f"http://{host}:{{port}}/model")
    allowed = "https://files.example"
    for end in ("@127.0.0.1:{port}/x", ".evil.example/x", "%2f@127.0.0.1/x", "\\@127.0.0.1/x"):
        yield created("server-side request", f"{allowed}{end}")
    for number, url in enumerate(_WEBHOOKS):
        events = [{"entity": "MODEL_VERSION", "action": "CREATED"}]
        named = {"name": f"hook-{number}", "url": url, "events": events}
        yield sent("server-side request", "POST", "webhooks", **named)


def contents() -> Iterator[HostileRequest]:
    """Bodies of other types, and what is no object of JSON."""
    for path in _POSTS:
        body = json.dumps({"name": KNOWN}).encode()
        for kind in _TYPES:
            headers = {"Content-Type": kind} if kind else {}
            yield HostileRequest("content type", "POST", f"{{api}}/{path}", headers, body)
    headers = {"Content-Type": "application/json"}
    for body in _BODIES:
        yield HostileRequest("body", "DELETE", "{api}/registered-models/delete", headers, body)
        yield HostileRequest("body", "POST", "{api}/model-versions/create", headers, body)


def filters() -> Iterator[HostileRequest]:
    """Filters, orders and page tokens that are more than that."""
    for of, text in product(("registered-models", "model-versions"), _FILTERS):
        yield sent("filter", "GET", f"{of}/search", filter=text)
    for of, token in product(("registered-models", "model-versions"), _TOKENS):
        yield sent("page token", "GET", f"{of}/search", page_token=token)
    for order in ("name; DROP TABLE x", "(SELECT 1)", "pg_sleep(9)", "name ASC, 1", "version"):
        yield sent("order", "GET", "registered-models/search", order_by=order)


def spellings() -> Iterator[HostileRequest]:
    """Routes in spellings for which an authorization may be forgotten, and other methods."""
    for spelled in SPELLINGS:
        plain = quote(spelled, safe="/%?=&;\\:.")
        if plain not in {"registered-models/get", "model-versions/create", *WEBHOOKS}:
            yield HostileRequest("spelling of a route", "GET", f"{{api}}/{plain}")
    override = {"X-HTTP-Method-Override": "DELETE", "X-Original-URL": "/livez"}
    for method in ("GET", "PUT", "PATCH"):
        path = f"{{api}}/registered-models/delete?name={KNOWN}"
        yield HostileRequest("another method", method, path, override)
    for workspace in ("other", "../default", "default/x"):
        headers = {"X-MLFLOW-WORKSPACE": workspace}
        path = f"{{api}}/registered-models/get?name={KNOWN}"
        yield HostileRequest("workspace", "GET", path, headers)
