"""Without tokens, a service on loopback serves clients of this machine and no page of another site.

Such a page reaches it through a browser on this machine: under a name of its own that it resolves
to this machine (DNS rebinding), or by requests to the service's own name (CSRF).
"""

from collections.abc import Iterator

import httpx2
import pytest

from pedigree.server.mlflow.routes import AJAX, API
from pedigree.settings import Settings
from tests.databases import Databases
from tests.mlflow.upstream import Upstream, tracking
from tests.server.conftest import Served, serving
from tests.server.routes import KNOWN, of_mlflow

# What the browser adds, or what a request without a browser of that kind would have.
LURES = (
    {"Host": "evil.example"},
    {"Host": "127.0.0.1.evil.example:5000"},
    {"Host": "localhost.evil.example"},
    {"Host": "169.254.169.254"},
    {"Host": "evil.example@127.0.0.1"},
    {"Host": "evil.example", "Origin": "http://evil.example"},
    {"Origin": "https://evil.example"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "null"},
)
OTHER_SITES = ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"})


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with tracking() as running:
        yield running


@pytest.fixture(scope="module")
def opened(
    databases: Databases, upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A service without tokens, which passes tracking on."""
    with databases.lend() as make:
        settings = Settings(
            home=tmp_path_factory.mktemp("open") / "home",
            database_url=make(),
            actor="tester",
            serve_open=True,
            mlflow_proxy=True,
            mlflow_upstream=upstream.url,
        )
        with serving(settings) as served:
            served.registry.create_model(str(KNOWN["name"]))
            yield served


def answers(
    served: Served, client: httpx2.Client, lure: dict[str, str]
) -> Iterator[tuple[str, int]]:
    """Send each route of the door a request; yield what it is, and its status."""
    for target in of_mlflow():
        got = client.request(
            target.method,
            f"{served.url}{target.path}",
            params=target.query,
            json=None if target.method == "GET" else dict(KNOWN),
            headers=lure,
        )
        yield f"{target.method} {target.path} {lure}", got.status_code


@pytest.mark.parametrize(
    ("lure", "status"),
    # To the service's own name the caller is this machine, and its browser says who sends it.
    [*((lure, 401) for lure in LURES), *((lure, 403) for lure in OTHER_SITES)],
)
def test_a_page_of_another_site_is_refused(
    opened: Served, upstream: Upstream, lure: dict[str, str], status: int
) -> None:
    before = opened.registry.events(limit=1000)
    refused = dict(answers(opened, opened.client(), lure))
    assert set(refused.values()) == {status}, refused
    assert opened.registry.events(limit=1000) == before
    assert upstream.asked == []


def test_a_client_of_this_machine_is_served(opened: Served, upstream: Upstream) -> None:
    port = opened.url.rpartition(":")[2]
    client = opened.client()
    for number, prefix in enumerate((API, AJAX)):
        for host in ("127.0.0.1", f"localhost:{port}", "[::1]"):
            read = f"{opened.url}{prefix}/registered-models/get?name={KNOWN['name']}"
            headers = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
            assert client.get(read, headers=headers).status_code == 200
            assert client.get(read, headers={"Host": host}).status_code == 200
        made = {"name": f"made-{number}"}
        created = client.post(f"{opened.url}{prefix}/registered-models/create", json=made)
        assert created.status_code == 200
        assert client.get(f"{opened.url}{prefix}/runs/get?run_id=R").status_code == 200
    assert [each.target for each in upstream.asked] == [
        f"{prefix}/runs/get?run_id=R" for prefix in (API, AJAX)
    ]
    upstream.asked.clear()
