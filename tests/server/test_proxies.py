"""Behind a path prefix, every path that the service states has the prefix."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedigree.access.records import Role
from pedigree.client.connect import connect
from pedigree.server.http.proxies import Proxies, public_path
from pedigree.settings import Settings
from tests.server.conftest import Served, serving

PREFIX = "/ml/registry"


@pytest.fixture(scope="module", params=["setting", "header"])
def behind(request: pytest.FixtureRequest, settings: Settings) -> Iterator[httpx2.Client]:
    """A client of a service with a prefix: by the setting, or as a trusted proxy states it."""
    by_header = request.param == "header"
    more: dict[str, Any] = (
        {"serve_proxies": ("127.0.0.0/8",)} if by_header else {"serve_prefix": PREFIX}
    )
    known = Settings(**{**settings.model_dump(exclude_none=True), **more})
    with serving(known) as served:
        issued = served.registry.create_token(f"law-{request.param}", roles=[Role.ADMIN])
        headers = {"Authorization": f"Bearer {issued.secret}"}
        if by_header:
            headers["X-Forwarded-Prefix"] = PREFIX
        with httpx2.Client(base_url=served.url, headers=headers, timeout=30) as client:
            for name in ("behind-a", "behind-b"):
                client.post("/api/v1/models", json={"name": name})
            yield client


def test_links_and_locations_have_the_prefix(behind: httpx2.Client) -> None:
    for start in ("", PREFIX):  # a proxy may remove the prefix, or leave it
        page = behind.get(f"{start}/api/v1/models?limit=1")
        link = page.headers["link"]
        assert re.fullmatch(rf'<{PREFIX}/api/v1/models\?limit=1&after=[\w-]+>; rel="next"', link)
        further = behind.get(link[1 : link.index(">")])
        assert further.json()["items"][0]["name"] != page.json()["items"][0]["name"]
    name = f"behind-{uuid4().hex}"
    made = behind.post("/api/v1/models", json={"name": name})
    assert made.headers["location"] == f"{PREFIX}/api/v1/models/{name}"
    assert behind.get(made.headers["location"]).json()["name"] == name


def test_redirects_have_the_prefix_and_no_host(behind: httpx2.Client) -> None:
    for start in ("", PREFIX):
        moved = behind.get(f"{start}/api/v1/models/?limit=1", headers={"Host": "evil.example"})
        assert moved.status_code == 307
        assert moved.headers["location"] == f"{PREFIX}/api/v1/models?limit=1"
    assert behind.get(f"{PREFIX}/api/v1/models/", follow_redirects=True).status_code == 200
    assert behind.get("/nowhere/").status_code == 404
    # The whole address, since this client would take it for another host's root.
    root = str(behind.base_url).rstrip("/")
    assert behind.get(f"{root}//evil.example/").status_code == 404


def test_the_documentation_and_its_document_have_the_prefix(behind: httpx2.Client) -> None:
    page = behind.get(f"{PREFIX}/docs")
    named = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(named) == 4
    assert all(each.startswith(f"{PREFIX}/docs/") for each in named)
    assert {behind.get(each).status_code for each in named} == {200}
    document = behind.get(f"{PREFIX}/openapi.json").json()
    assert document["servers"] == [{"url": PREFIX}]
    fix = behind.get(f"{PREFIX}/api/v1/models?limit=0").json()["fix"]
    assert f"{PREFIX}/openapi.json" in fix


def test_probes_and_metrics_answer_with_and_without_the_prefix(behind: httpx2.Client) -> None:
    for path in ("/livez", "/readyz", "/metrics"):
        assert behind.get(path).status_code == 200
        assert behind.get(f"{PREFIX}{path}").status_code == 200


@pytest.mark.parametrize("behind", ["setting"], indirect=True)
def test_the_client_works_at_a_url_with_the_prefix(behind: httpx2.Client) -> None:
    token = behind.headers["authorization"].removeprefix("Bearer ")
    with connect(f"{str(behind.base_url).rstrip('/')}{PREFIX}", token=token) as registry:
        assert registry.model("behind-a").name == "behind-a"
        assert len(registry.models(limit=2)) == 2


@pytest.mark.parametrize(
    "prefix", ["//evil.example", "/a/../b", "/.", "https://evil.example", "/a\tb", "/" + "a" * 300]
)
def test_a_prefix_that_is_no_path_has_no_effect(behind: httpx2.Client, prefix: str) -> None:
    given_prefix = {"X-Forwarded-Prefix": prefix}
    link = behind.get("/api/v1/models?limit=1", headers=given_prefix).headers["link"]
    assert link.startswith(("</api/v1/", f"<{PREFIX}/api/v1/"))


def test_an_untrusted_client_states_no_prefix(served: Served, admin: httpx2.Client) -> None:
    for name in ("a", "b"):
        admin.post("/models", json={"name": name})
    given_prefix = {"X-Forwarded-Prefix": PREFIX}
    link = admin.get("/models?limit=1", headers=given_prefix).headers["link"]
    assert link.startswith("</api/v1/models")


HOSTS = st.sampled_from(["10.0.0.1", "10.9.9.9", "192.0.2.7", "2001:db8::1", "unknown", ""])


@given(hops=st.lists(HOSTS, max_size=4), peer=st.sampled_from(["10.0.0.1", "192.0.2.9"]))
def test_the_client_is_the_last_address_that_no_trusted_proxy_has(
    hops: list[str], peer: str
) -> None:
    proxies = Proxies()
    proxies.configure(Settings(serve_proxies=("10.0.0.0/8",)))  # type: ignore[arg-type]
    headers = [(b"x-forwarded-for", ", ".join(hops).encode())]
    scope = {"type": "http", "path": "/", "headers": headers, "client": (peer, 5)}
    expected = peer
    for hop in reversed(hops):
        if not expected.startswith("10.") or hop in ("unknown", ""):
            break
        expected = hop
    resolved = proxies.resolve(scope)
    assert resolved["client"][0] == expected
    assert public_path(resolved, "/x") == "/x"
