"""Passing on: what is of tracking goes to the tracking server, and nothing else does."""

import base64
import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from pydantic import SecretStr, ValidationError

from pedigree.access.records import PERMISSIONS, Permission, Role
from pedigree.settings import Settings
from tests.mlflow.upstream import PIECE, Upstream, tracking
from tests.server.conftest import Served, serving
from tests.server.raw import answer, connected, send

PREFIXES = ("/api/2.0/mlflow", "/ajax-api/2.0/mlflow", "/api/3.0/mlflow", "/ajax-api/3.0/mlflow")


@pytest.fixture(scope="module")
def of_module() -> Iterator[Upstream]:
    with tracking() as upstream:
        yield upstream


@pytest.fixture
def upstream(of_module: Upstream) -> Upstream:
    """The tracking server, which has been asked nothing and answers an empty object."""
    fresh = Upstream(of_module.url)
    vars(of_module).update(vars(fresh))
    return of_module


@pytest.fixture(scope="module")
def served(settings: Settings, of_module: Upstream) -> Iterator[Served]:
    """A service in front of the tracking server."""
    proxy = {
        "mlflow_proxy": True,
        "mlflow_upstream": f"{of_module.url}/base/",
        "mlflow_upstream_credential": SecretStr("of-the-service"),
    }
    with serving(settings.model_copy(update=proxy)) as served:
        yield served


@pytest.fixture(autouse=True)
def _few_connections(served: Served) -> Iterator[None]:
    """Close the clients of a test, since an address has a limited number of connections."""
    yield
    while served.clients:
        served.clients.pop().close()


def ask(served: Served, client: httpx2.Client, method: str, path: str, **more: Any) -> Any:
    return client.request(method, f"{served.url}{path}", **more)


def test_a_request_arrives_with_the_credential_of_the_service_and_the_name_of_its_sender(
    served: Served, upstream: Upstream
) -> None:
    client = served.client(Role.CONTRIBUTOR, Cookie="session=1")
    upstream.body = b'{"run": {}}'
    got = ask(
        served,
        client,
        "POST",
        "/api/2.0/mlflow/runs/create?a=%2F&b",
        json={"experiment_id": "0"},
        headers={
            "X-Pedigree-Principal": "root",
            "X-Forwarded-For": "10.0.0.1",
            "X-MLflow-Client-Version": "3.17.2",
        },
    )
    assert got.json() == {"run": {}}
    (asked,) = upstream.asked
    assert (asked.method, asked.target) == ("POST", "/base/api/2.0/mlflow/runs/create?a=%2F&b")
    assert asked.headers["authorization"] == "Bearer of-the-service"
    assert asked.headers["x-pedigree-principal"].startswith("contributor@")
    assert asked.headers["x-mlflow-client-version"] == "3.17.2"
    assert {"cookie", "x-forwarded-for", "origin"}.isdisjoint(asked.headers)
    assert asked.headers["host"] == upstream.url.removeprefix("http://")
    assert asked.digest == hashlib.sha256(b'{"experiment_id":"0"}').hexdigest()


def test_a_user_with_a_password_is_sent_as_such(settings: Settings, upstream: Upstream) -> None:
    proxy = {
        "mlflow_proxy": True,
        "mlflow_upstream": upstream.url,
        "mlflow_upstream_credential": SecretStr("ann:secret"),
    }
    with serving(settings.model_copy(update=proxy)) as served:
        ask(served, served.client(Role.READER), "GET", "/api/2.0/mlflow/runs/get")
    sent = upstream.asked[0].headers["authorization"]
    assert sent == f"Basic {base64.b64encode(b'ann:secret').decode()}"


def test_passing_on_needs_an_upstream() -> None:
    with pytest.raises(ValidationError, match="PEDIGREE_MLFLOW_UPSTREAM"):
        Settings(mlflow_proxy=True)


@pytest.mark.parametrize("role", Role)
def test_a_read_needs_read_and_everything_else_needs_track(
    served: Served, upstream: Upstream, role: Role
) -> None:
    client = served.client(role)
    limited = served.client(role, models=("churn",))
    may_write = Permission.TRACK in PERMISSIONS[role]
    for prefix in PREFIXES:
        path = f"{prefix}/runs/get"
        assert ask(served, client, "GET", path).status_code == 200
        assert ask(served, limited, "GET", path).status_code == 403
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert ask(served, client, method, path).status_code == (200 if may_write else 403)
            assert ask(served, limited, method, path).status_code == 403
    for method, path in (("GET", "/graphql"), ("POST", "/graphql"), ("POST", "/v1/traces")):
        assert ask(served, client, method, path).status_code == (200 if may_write else 403)
        assert ask(served, limited, method, path).status_code == 403
    assert ask(served, client, "GET", "/get-artifact?run_id=1&path=a").status_code == 200
    assert ask(served, limited, "GET", "/get-artifact?run_id=1&path=a").status_code == 403
    count = len(upstream.asked)
    assert ask(served, served.client(), "GET", "/api/2.0/mlflow/runs/get").status_code == 401
    assert ask(served, served.client(), "POST", "/graphql").status_code == 401
    assert len(upstream.asked) == count


def test_files_of_runs_are_passed_on_and_those_of_the_registry_never(
    served: Served, upstream: Upstream
) -> None:
    admin = served.client(Role.ADMIN)
    for prefix in ("/api/2.0/mlflow-artifacts", "/ajax-api/2.0/mlflow-artifacts"):
        for method, path in (
            ("GET", "artifacts?path=0/r/artifacts"),
            ("GET", "artifacts/0/r/artifacts/a%20b.txt"),
            ("PUT", "artifacts/0/r/artifacts/%C3%BC.txt"),
            ("DELETE", "artifacts/0/r/artifacts/x"),
            ("POST", "mpu/create/0/r/artifacts"),
            ("GET", "presigned/0/r/artifacts/x"),
        ):
            upstream.asked.clear()
            assert ask(served, admin, method, f"{prefix}/{path}").status_code == 200
            assert [each.target for each in upstream.asked] == [f"/base{prefix}/{path}"]
        upstream.asked.clear()
        for own in ("pedigree", "Pedigree", "%70edigree", "%2570edigree", "PEDIGREE"):
            for method, path in (
                ("GET", f"artifacts?path={own}/models/1/1"),
                ("GET", f"artifacts/{own}/models/1/1/x"),
                ("PUT", f"artifacts/{own}/models/1/1/x"),
                ("DELETE", f"artifacts/{own}/models/1/1/x"),
                ("POST", f"mpu/create/{own}/models/1/1"),
                ("GET", f"presigned/{own}/models/1/1/x"),
            ):
                got = ask(served, admin, method, f"{prefix}/{path}")
                assert got.status_code in (400, 403, 404) or got.json() == {}, path
        twice = "artifacts?path=0/r/artifacts&path=pedigree/models/1/1"
        assert ask(served, admin, "GET", f"{prefix}/{twice}").status_code == 400
        assert upstream.asked == []


# A registry route in spellings that some server or proxy on the way takes for the same.
SPELLINGS = (
    *("registered-models/get", "registered-models/get/", "registered-models//get"),
    *("Registered-Models/get", "REGISTERED-MODELS/get", "registered-models/./get"),
    *("runs/../registered-models/get", "runs/%2e%2e/registered-models/get"),
    *("runs/%252e%252e/registered-models/get", "%72egistered-models/get"),
    *("%2572egistered-models/get", "%252572egistered-models/get", "registered%2dmodels/get"),
    *("registered-models%2fget", "registered-models%252fget", "/registered-models/get"),
    *("./registered-models/get", "registered-models;x=1/get", "registered-models%3bx/get"),
    *("registered-models%20/get", "%20registered-models/get", "registered-models%00/get"),
    *("registered-models\\get", "registered-models%5cget", "registered-models%255cget"),
    *("registered-models?x=/get", "registered-models%23/get", "regi%C5%BFtered-models/get"),
    *("registered-models.json/get", "registered_models/get", "model-versions/create"),
    *("MODEL-versions/get", "webhooks", "webhooks/1/test", "Webhooks", "%77ebhooks"),
    *("model-versions%2Fget-download-uri", "runs//../model-versions/get", "registered-models"),
    "registered-models/" + "a/" * 200,
)

# Lists the webhooks here, for those who may see them.
WEBHOOKS = frozenset({"webhooks", "%77ebhooks"})


@pytest.mark.parametrize("role", [None, *Role])
def test_no_spelling_of_a_registry_route_reaches_the_upstream(
    served: Served, upstream: Upstream, role: Role | None
) -> None:
    client = served.client(*(() if role is None else (role,)))
    credential = client.headers.get("authorization", "none")
    starts = [*PREFIXES, "//api/2.0/mlflow", "/api//2.0/mlflow", "/API/2.0/mlflow"]
    starts += [
        "/api/2.0/./mlflow",
        "/api/2.0/mlflow/../mlflow",
        "/api/2%2e0/mlflow",
        "/x/../api/2.0/mlflow",
    ]
    with connected(served.url) as opened:
        for start in starts:
            for spelled in SPELLINGS:
                for method in ("GET", "POST"):
                    head = f"{method} {start}/{spelled} HTTP/1.1\r\nHost: a\r\n"
                    sent = f"{head}Authorization: {credential}\r\nContent-Length: 0\r\n\r\n"
                    assert send(opened, sent.encode())
                    status = answer(opened).status
                    is_ours = status == 307 or (status == 200 and spelled in WEBHOOKS)
                    assert 400 <= status < 500 or is_ours, (method, start, spelled, status)
    assert upstream.asked == []


@pytest.mark.parametrize(
    "path",
    [
        *("users/create", "users/update-admin", "roles/assign", "workspaces", "gateway/secrets"),
        *("experiments/permissions/create", "users/permissions/grant", "workspaces/a"),
        *("Users/create", "%75sers/create", "experiments/Permissions/create", "GATEWAY/secrets"),
    ],
)
def test_the_administration_of_the_upstream_is_not_passed_on(
    served: Served, upstream: Upstream, path: str
) -> None:
    admin = served.client(Role.ADMIN)
    for prefix in PREFIXES:
        for method in ("GET", "POST", "PATCH", "DELETE"):
            got = ask(served, admin, method, f"{prefix}/{path}")
            assert got.status_code in (403, 404)
    assert upstream.asked == []


def test_a_workspace_is_refused_before_anything_is_passed_on(
    served: Served, upstream: Upstream
) -> None:
    headers = {"X-MLFLOW-WORKSPACE": "other"}
    got = ask(served, served.client(Role.ADMIN), "GET", "/api/2.0/mlflow/runs/get", headers=headers)
    assert got.status_code == 400
    assert upstream.asked == []


def test_an_answer_is_sent_without_what_a_browser_would_run(
    served: Served, upstream: Upstream
) -> None:
    upstream.headers = {
        "Content-Type": "text/html",
        "Set-Cookie": "session=1",
        "Content-Disposition": "inline",
        "X-Internal": "10.0.0.7",
        "ETag": '"1"',
        "Access-Control-Allow-Origin": "*",
    }
    upstream.body = b"<script>alert(1)</script>"
    got = ask(served, served.client(Role.READER), "GET", "/get-artifact?run_id=1&path=a.html")
    assert got.content == upstream.body
    assert got.headers["content-type"] == "application/octet-stream"
    assert got.headers["content-disposition"] == "attachment"
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["etag"] == '"1"'
    assert {"set-cookie", "x-internal", "access-control-allow-origin"}.isdisjoint(got.headers)


def test_a_redirect_of_the_upstream_is_not_followed(served: Served, upstream: Upstream) -> None:
    upstream.status, upstream.headers = 302, {"Location": "http://169.254.169.254/latest"}
    got = ask(served, served.client(Role.READER), "GET", "/api/2.0/mlflow/runs/get")
    assert (got.status_code, len(upstream.asked)) == (503, 1)
    assert "location" not in got.headers


@pytest.mark.parametrize("status", [400, 403, 404, 409, 429, 500, 503])
def test_an_error_of_the_upstream_is_passed_back(
    served: Served, upstream: Upstream, status: int
) -> None:
    upstream.status, upstream.body = status, b'{"error_code": "X", "message": "m"}'
    got = ask(served, served.client(Role.READER), "GET", "/api/2.0/mlflow/runs/get")
    assert (got.status_code, got.content) == (status, upstream.body)


def test_a_refused_credential_of_the_service_is_no_fault_of_the_caller(
    served: Served, upstream: Upstream
) -> None:
    upstream.status = 401
    got = ask(served, served.client(Role.READER), "GET", "/api/2.0/mlflow/runs/get")
    assert (got.status_code, got.headers["retry-after"]) == (503, "1")
    assert "of-the-service" not in got.text


def test_large_bodies_pass_in_both_directions_in_bounded_memory(
    served: Served, upstream: Upstream
) -> None:
    pieces = 1600  # 100 MiB
    admin = served.client(Role.ADMIN)
    path = "/api/2.0/mlflow-artifacts/artifacts/0/r/artifacts/large"
    process, most = psutil.Process(), []
    before = process.memory_info().rss

    def sent() -> Iterator[bytes]:
        for _ in range(pieces):
            most.append(process.memory_info().rss)
            yield PIECE

    assert ask(served, admin, "PUT", path, content=sent()).status_code == 200
    assert upstream.asked[-1].size == pieces * len(PIECE)
    assert upstream.asked[-1].digest == hashlib.sha256(PIECE * pieces).hexdigest()
    upstream.pieces, size = pieces, 0
    with admin.stream("GET", f"{served.url}{path}") as got:
        for piece in got.iter_raw():
            size += len(piece)
            most.append(process.memory_info().rss)
    assert size == pieces * len(PIECE)
    # The client and the tracking server are in this process, too.
    assert max(most) - before < 64 << 20


def test_an_upstream_that_ends_early_ends_the_answer_early(
    served: Served, upstream: Upstream
) -> None:
    upstream.pieces, upstream.ends_early = 64, True
    path = f"{served.url}/api/2.0/mlflow-artifacts/artifacts/0/r/artifacts/x"
    with served.client(Role.READER).stream("GET", path) as got:
        pieces = got.iter_raw()
        with pytest.raises(httpx2.RemoteProtocolError):
            sum(map(len, pieces))
    assert_registry_answers(served)


def assert_registry_answers(served: Served) -> None:
    got = ask(served, served.client(Role.READER), "GET", "/api/v1/models")
    assert got.status_code == 200


def test_killing_the_upstream_in_mid_answer_harms_no_other_request(settings: Settings) -> None:
    program = Path(__file__).with_name("upstream.py")
    with subprocess.Popen(
        [sys.executable, str(program), "100000"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        url = json.loads(process.stdout.readline())
        proxy = {"mlflow_proxy": True, "mlflow_upstream": url}
        with serving(settings.model_copy(update=proxy)) as served:
            reader, admin = served.client(Role.READER), served.client(Role.ADMIN)
            path = f"{served.url}/api/2.0/mlflow-artifacts/artifacts/0/r/artifacts/x"
            with reader.stream("GET", path) as got:
                pieces = got.iter_raw()
                next(pieces)
                process.kill()
                with pytest.raises(httpx2.RemoteProtocolError):
                    sum(map(len, pieces))
            process.wait()
            down = ask(served, reader, "GET", "/api/2.0/mlflow/runs/get")
            assert (down.status_code, down.headers["retry-after"]) == (503, "1")
            assert down.json()["error_code"] == "TEMPORARILY_UNAVAILABLE"
            # Nothing was written, so a client may repeat it.
            write = ask(served, admin, "POST", "/api/2.0/mlflow/runs/create", json={})
            assert (write.status_code, write.headers["retry-after"]) == (429, "1")
            assert_registry_answers(served)


def test_a_client_that_leaves_gives_its_place_back(settings: Settings, upstream: Upstream) -> None:
    upstream.pieces = 4000
    proxy = {
        "mlflow_proxy": True,
        "mlflow_upstream": upstream.url,
        "mlflow_proxy_requests": 2,
    }
    with serving(settings.model_copy(update=proxy)) as served:
        path = "/api/2.0/mlflow-artifacts/artifacts/0/r/artifacts/x"
        for _ in range(5):
            with served.client(Role.READER).stream("GET", f"{served.url}{path}") as got:
                next(got.iter_raw())
        upstream.pieces = 0
        got = ask(served, served.client(Role.READER), "GET", path)
        assert got.status_code == 200


def test_requests_of_one_principal_wait_for_each_other(
    settings: Settings, upstream: Upstream
) -> None:
    proxy = {"mlflow_proxy": True, "mlflow_upstream": upstream.url, "mlflow_proxy_requests": 2}
    with serving(settings.model_copy(update=proxy)) as served:
        client = served.client(Role.READER)
        statuses: list[int] = []

        def read() -> None:
            got = ask(served, client, "GET", "/api/2.0/mlflow/runs/get")
            statuses.append(got.status_code)

        threads = [threading.Thread(target=read) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert statuses == [200] * 20


def test_without_passing_on_tracking_is_not_there(settings: Settings, upstream: Upstream) -> None:
    without = settings.model_copy(update={"mlflow_upstream": upstream.url})
    with serving(without) as served:
        admin = served.client(Role.ADMIN)
        for method, path in (
            ("GET", "/api/2.0/mlflow/runs/get"),
            ("POST", "/api/3.0/mlflow/traces"),
            ("POST", "/graphql"),
            ("PUT", "/api/2.0/mlflow-artifacts/artifacts/0/r/artifacts/x"),
        ):
            got = ask(served, admin, method, path)
            assert (got.status_code, got.json()["error_code"]) == (404, "ENDPOINT_NOT_FOUND")
    assert upstream.asked == []
