"""Laws of HTTP that hold for every route; a new route cannot forget one."""

import logging
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from pedigree.access.records import Role
from pedigree.audit.event_types import READS, EventType
from pedigree.audit.records import Event
from pedigree.server.http.auth import ProtectedRoute
from pedigree.server.http.inputs import QueryRules
from pedigree.server.http.security_headers import SECURITY_HEADERS
from pedigree.settings import Settings
from tests.factories import SECRET_KEY
from tests.server.conftest import Served, serving
from tests.server.fuzz import furnish
from tests.server.routes import MISSING, OPEN, protected, send, targets

# These differ between two answers with the same content, or are about the connection.
CHANGING = {"date", "x-request-id", "transfer-encoding"}
# Their content grows while the tests run.
GROWING = {"/metrics", "/api/v1/stats", "/api/v1/events", "/api/v1/tokens", "/readyz"}


@pytest.fixture(scope="module")
def served(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service with records of every kind."""
    more = {"secret_key": SECRET_KEY, "serve_delivers": False}
    with serving(settings.model_copy(update=more)) as served:
        furnish(served.registry, tmp_path_factory.mktemp("furnished"))
        for number in (1, 2, 3):
            served.registry.card(f"churn/{number}")
        yield served


@pytest.fixture(scope="module")
def root(served: Served) -> Iterator[httpx2.Client]:
    """An admin's client for all paths of the service."""
    issued = served.registry.create_token("law", roles=[Role.ADMIN])
    headers = {"Authorization": f"Bearer {issued.secret}"}
    with httpx2.Client(base_url=served.url, headers=headers, timeout=30) as client:
        yield client


def require_security_headers(answer: httpx2.Response) -> None:
    for name, _ in SECURITY_HEADERS:
        assert answer.headers.get_list(name.decode()), (answer.request.url, name)
        assert len(answer.headers.get_list(name.decode())) == 1, (answer.request.url, name)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-frame-options"] == "DENY"


def test_every_answer_has_the_headers_that_limit_a_browser(
    served: Served, root: httpx2.Client
) -> None:
    nobody = httpx2.Client(base_url=served.url, timeout=30)
    with nobody:
        for target in targets():
            require_security_headers(send(nobody, target))
    for target in targets("GET"):
        answer = send(root, target)
        require_security_headers(answer)
        known = answer.headers.get("etag")
        if known:
            require_security_headers(send(root, target, headers={"If-None-Match": known}))
    for wrong in ("/nowhere", "/api/v1/models/", "/api/v1/models?limit=0", "/docs/nothing"):
        require_security_headers(root.get(wrong))
    require_security_headers(root.request("TRACE", "/api/v1/models"))


def test_head_is_answered_as_get_without_a_body(root: httpx2.Client) -> None:
    for target in [*targets("GET")]:
        got = send(root, target)
        head = root.request("HEAD", target.path, params=target.query)
        assert head.status_code == got.status_code, target
        assert got.status_code == MISSING.get(target.route.name, 200), (target, got.text)
        assert head.content == b""
        # A page says how long ago something was, and tokens of its forms differ in every answer.
        if target.path in GROWING or target.is_page:
            assert head.headers.keys() == got.headers.keys(), target
            continue
        for headers in (head.headers, got.headers):
            for name in CHANGING:
                headers.pop(name, None)
        assert dict(head.headers) == dict(got.headers), target


def test_every_request_is_counted_and_logged_by_the_template_of_its_route(
    served: Served, root: httpx2.Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "pedigree.server.middleware")
    with httpx2.Client(base_url=served.url, timeout=30) as nobody:
        for target in targets():
            caplog.clear()
            send(nobody, target)
            while not caplog.records:  # it is written after the answer is sent
                pass
            assert caplog.records[0].getMessage() == f"{target.method} {target.route.path}"
    counted = root.get("/metrics").text
    for target in targets():
        about = f'method="{target.method}",route="{target.route.path}"'
        assert f"pedigree_http_requests_total{{{about}," in counted, target


def test_no_bytes_follow_the_headers_of_head(served: Served, root: httpx2.Client) -> None:
    address = urlsplit(served.url)
    token = root.headers["authorization"]
    for path in (
        "/livez",
        "/readyz",
        "/metrics",
        "/docs/swagger-ui.css",
        "/api/v1/models",
        "/api/v1/models/churn/versions/1/download/model.bin",
        "/api/v1/gc",
        "/nowhere",
    ):
        with socket.create_connection((address.hostname, address.port), 30) as connection:
            lines = f"HEAD {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n"
            connection.sendall(f"{lines}Connection: close\r\n\r\n".encode())
            received = b"".join(iter(lambda c=connection: c.recv(65_536), b""))
        headers, _, body = received.partition(b"\r\n\r\n")
        assert headers.startswith(b"HTTP/1.1 "), path
        assert body == b"", path


def test_a_head_request_records_a_download_but_no_change(
    served: Served, root: httpx2.Client
) -> None:
    def changes() -> list[Event]:
        return [each for each in served.registry.events(limit=1000) if each.type not in READS]

    before = changes()
    path = "/api/v1/models/churn/versions/3/download/model.bin"
    head = root.request("HEAD", path)
    assert (head.status_code, head.headers["content-length"]) == (200, "1")
    assert changes() == before
    # A download that is redirected has the signed URL in its head.
    assert EventType.VERSION_DOWNLOADED in {
        each.type for each in served.registry.events(limit=1000)
    }


def test_every_etag_is_accepted_by_if_none_match(root: httpx2.Client) -> None:
    tagged = 0
    for target in targets("GET"):
        answer = send(root, target)
        etag = answer.headers.get("etag")
        if etag is None or target.path in GROWING:
            continue
        tagged += 1
        if target.is_page:  # some say how long ago something was
            same = send(root, target, headers={"If-None-Match": etag})
            assert (same.status_code, same.headers["etag"] == etag) in ((304, True), (200, False))
            same = send(root, target, headers={"If-None-Match": "*"})
            assert (same.status_code, same.content) == (304, b""), target
            continue
        for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
            again = send(root, target, headers={"If-None-Match": known})
            assert (again.status_code, again.content) == (304, b""), (target, known)
            assert again.headers["etag"] == etag
        changed = send(root, target, headers={"If-None-Match": '"other"'})
        assert changed.status_code == 200, target
    assert tagged > 35


def test_an_unknown_parameter_is_refused_on_every_route_and_changes_nothing(
    served: Served, root: httpx2.Client
) -> None:
    before = served.registry.events(limit=1000)
    for target in protected():
        if not target.is_api:
            continue
        for name in ("filter_string", "partitions", "", "limit "):
            query = {**target.query, name: "x"}
            answer = root.request(target.method, target.path, params=query, json={})
            assert answer.status_code == 400, (target, answer.text)
            problem = answer.json()
            assert problem["field"] == (name or "query"), problem
            assert problem["fix"], problem
    assert served.registry.events(limit=1000) == before


def test_a_parameter_with_one_value_is_refused_twice_on_every_route(root: httpx2.Client) -> None:
    tried = 0
    for target in protected():
        route = target.route
        assert isinstance(route, ProtectedRoute)
        for name in route.query.single if route.query else ():
            tried += 1
            query = [*target.query.items(), (name, "1"), (name, "1")]
            answer = root.request(target.method, target.path, params=query, json={})
            assert (answer.status_code, answer.json()["field"]) == (400, name), target
    assert tried > 50


def test_a_close_name_is_suggested(root: httpx2.Client) -> None:
    wrong = {"asset": "customers", "partitions": "May"}
    problem = root.delete("/api/v1/quarantines", params=wrong).json()
    assert problem["fix"].startswith("Write 'partition'; the parameters are asset, partition")


@pytest.mark.parametrize("path", [*OPEN, "/metrics"])
def test_probes_and_pages_ignore_parameters(root: httpx2.Client, path: str) -> None:
    assert root.get(path, params={"probe": "lb-7", "name[]": "x"}).status_code == 200


def test_a_body_without_its_content_type_is_named_on_every_route(root: httpx2.Client) -> None:
    tried = 0
    for target in protected("POST", "PUT", "PATCH"):
        route = target.route
        assert isinstance(route, ProtectedRoute)
        if route.body_field is None:
            continue
        tried += 1
        for headers in ({}, {"Content-Type": "text/plain"}, {"Content-Type": "application"}):
            answer = send(root, target, content=b"{}", headers=headers)
            assert answer.status_code == 415, (target, headers, answer.text)
            problem = answer.json()
            assert problem["field"] == "Content-Type"
            assert "application/json" in problem["fix"]
    assert tried > 20


def test_a_destructive_request_states_its_scope() -> None:
    """A parameter that could be misspelled must not widen what is deleted or released."""
    # The verb requires exactly one of the first two, and both of the others or none.
    chosen_by_the_verb = {"whole_asset", "partition", "issuer", "subject"}
    for target in protected("DELETE"):
        route = target.route
        assert isinstance(route, ProtectedRoute)
        read = QueryRules.of(route.dependant)
        assert route.query == (read if target.is_api else None)
        # Neither a reason nor what must not have changed meanwhile says what is deleted.
        optional = read.single - target.query.keys() - {"reason", "expected_generation"}
        assert optional <= chosen_by_the_verb, target
        assert not read.several, target


def test_no_page_of_ours_loads_anything_from_elsewhere(root: httpx2.Client) -> None:
    page = root.get("/docs")
    assert "https://" not in page.text
    assert "http://" not in page.text
    named = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(named) == 4
    for each in named:
        answer = root.get(each)
        assert answer.status_code == 200, each
        assert answer.headers["content-type"].partition(";")[0] in {
            *("text/javascript", "text/css", "image/png")
        }
    policy = page.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe-eval" not in policy
    assert "<script>" not in page.text


def test_the_documentation_is_an_asset_of_an_installed_package(root: httpx2.Client) -> None:
    import fastapi_swagger

    folder = Path(fastapi_swagger.__file__).parent / "resources"
    for name in ("swagger-ui-bundle.js", "swagger-ui.css"):
        assert root.get(f"/docs/{name}").content == (folder / name).read_bytes()
    assert root.get("/docs/../../__init__.py").status_code == 404
    assert root.get("/docs/__init__.py").status_code == 404
