"""People whom an authenticating proxy names in a header."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
import uvicorn

from pedigree.access.oidc.provider_file import read_providers
from pedigree.errors import InvalidInputError, InvalidProviderError
from pedigree.registry import Registry
from pedigree.server.app import create_app
from pedigree.server.listening import listen_on_path
from pedigree.server.serve import PROTOCOL, require_guarded
from pedigree.settings import Settings
from tests.server.conftest import running

SECRET = "s" * 40
RULE = """
[[proxy.rule]]
when = { groups = "deployers" }
roles = ["deployer"]

[[proxy.rule]]
when = { sub = "*" }
roles = ["reader"]
"""


def proxied(folder: Path, fields: str, rules: str = RULE) -> Path:
    """Write a file with a proxy."""
    secret = folder / "secret"
    secret.write_text(f"{SECRET}\n")
    secret.chmod(0o600)
    file = folder / "oidc.toml"
    file.write_text(f'[proxy]\ngroups_header = "X-Forwarded-Groups"\n{fields}\n{rules}')
    return file


def by_network(folder: Path, network: str = "127.0.0.0/8") -> str:
    return f'networks = ["{network}"]\nsecret_file = "{folder / "secret"}"'


@pytest.fixture
def own(database_url: str, settings: Settings) -> Settings:
    """The settings of a service of this test alone."""
    return settings.model_copy(update={"database_url": database_url})


@contextmanager
def asking(settings: Settings, file: Path) -> Iterator[httpx2.Client]:
    """Run a service with a proxy, and ask it without a token."""
    made = create_app(settings.model_copy(update={"oidc": file}))
    with (
        running(uvicorn.Config(made, port=0, **PROTOCOL)) as url,
        httpx2.Client(base_url=f"{url}/api/v1") as client,
    ):
        yield client


def test_a_proxy_in_a_named_network_names_people_by_its_secret(
    own: Settings, tmp_path: Path
) -> None:
    with asking(own, proxied(tmp_path, by_network(tmp_path))) as client:
        named = {"X-Forwarded-User": "ann", "X-Forwarded-Groups": "ml, deployers"}
        proof = {"X-Pedigree-Proxy-Secret": SECRET}
        found = client.get("/whoami", headers={**named, **proof}).json()
        assert (found["principal"], found["source"]) == ("ann", "proxy proxy")
        assert (found["roles"], found["expires_at"]) == (["deployer"], None)
        # The address of its client is what a proxy says; that of the connection counts.
        elsewhere = {"X-Forwarded-For": "203.0.113.7"}
        assert client.get("/whoami", headers={**named, **proof, **elsewhere}).status_code == 200
        for wrong in (
            {},
            {"X-Pedigree-Proxy-Secret": f"{SECRET}x"},
            {**proof, "X-Forwarded-User": "x" * 300},
            {**proof, "X-Forwarded-User": "sensor:x"},
        ):
            assert client.get("/whoami", headers={**named, **wrong}).status_code == 401, wrong
        twice = [*named.items(), *proof.items(), ("X-Forwarded-User", "eve")]
        assert client.get("/whoami", headers=twice).status_code == 401
        assert client.get("/whoami", headers=proof).status_code == 401, "it names nobody"
        bearer = {"Authorization": "Bearer pdg_none"}
        assert client.get("/whoami", headers={**named, **proof, **bearer}).status_code == 401


def test_nobody_else_is_believed(own: Settings, tmp_path: Path) -> None:
    headers = {"X-Forwarded-User": "ann", "X-Pedigree-Proxy-Secret": SECRET}
    with asking(own, proxied(tmp_path, by_network(tmp_path, "10.0.0.0/8"))) as client:
        trusted = {**headers, "X-Forwarded-For": "10.0.0.1"}
        for given in (headers, trusted):
            answer = client.get("/whoami", headers=given)
            assert (answer.status_code, "no token" in answer.text) == (401, True)


def test_a_unix_socket_needs_no_secret(own: Settings, tmp_path: Path) -> None:
    file, path = proxied(tmp_path, "socket = true"), tmp_path / "service"
    config = uvicorn.Config(create_app(own.model_copy(update={"oidc": file})), port=0, **PROTOCOL)
    server = uvicorn.Server(config)
    tcp = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listen_on_path(path), tcp],), daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    named = {"X-Forwarded-User": "ann", "X-Forwarded-Groups": "ml"}
    with httpx2.Client(transport=httpx2.HTTPTransport(uds=str(path))) as client:
        assert path.stat().st_mode & 0o777 == 0o660
        found = client.get("http://registry/api/v1/whoami", headers=named).json()
        assert (found["principal"], found["roles"]) == ("ann", ["reader"])
    port = tcp.getsockname()[1]
    assert httpx2.get(f"http://127.0.0.1:{port}/api/v1/whoami", headers=named).status_code == 401
    with pytest.raises(InvalidInputError, match="another process"):
        listen_on_path(path)
    server.should_exit = True
    thread.join(30)
    listen_on_path(path).close()


def test_a_path_with_something_else_is_not_removed(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("kept")
    with pytest.raises(InvalidInputError, match="something else"):
        listen_on_path(file)
    assert file.read_text() == "kept"


def test_an_open_host_is_refused_while_networks_are_believed(
    registry: Registry, tmp_path: Path
) -> None:
    file = proxied(tmp_path, by_network(tmp_path))
    changed = registry.settings.model_copy(update={"oidc": file})
    with_proxy = Registry(registry.database, registry.store, changed)
    for host in ("0.0.0.0", "::", ""):
        with pytest.raises(InvalidInputError, match="every address"):
            require_guarded(with_proxy, host)
    assert not require_guarded(with_proxy, "10.1.2.3")


REFUSED = {
    "neither socket nor networks": ("", "socket = true"),
    "networks without a secret": ('networks = ["10.0.0.0/8"]', "secret_file"),
    "every address": ('networks = ["0.0.0.0/0"]\nsecret_file = "SECRET"', "all addresses"),
    "one header twice": ('socket = true\nuser_header = "x-forwarded-groups"', "header of its own"),
    "the header of tokens": ('socket = true\nuser_header = "Authorization"', "header of its own"),
    "no header name": ('socket = true\nuser_header = "a b"', "user_header"),
    "an unknown key": ("socket = true\nsecret = 'x'", "secret"),
    "no file": ('networks = ["10.0.0.0/8"]\nsecret_file = "/none"', "secret_file"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_proxy_that_others_could_imitate_is_refused(tmp_path: Path, what: str) -> None:
    fields, message = REFUSED[what]
    file = proxied(tmp_path, fields.replace("SECRET", str(tmp_path / "secret")))
    with pytest.raises(InvalidProviderError, match=message):
        read_providers(file)


@pytest.mark.parametrize(
    ("mode", "content", "message"), [(0o640, SECRET, "0640"), (0o600, "short", "32 to")]
)
def test_a_secret_that_others_know_is_refused(
    tmp_path: Path, mode: int, content: str, message: str
) -> None:
    file = proxied(tmp_path, by_network(tmp_path))
    (tmp_path / "secret").write_text(content)
    (tmp_path / "secret").chmod(mode)
    with pytest.raises(InvalidProviderError, match=message):
        read_providers(file)


def test_a_proxy_s_rules_are_judged_as_those_of_providers(tmp_path: Path) -> None:
    everybody = '[[proxy.rule]]\nprincipal = "all"\nroles = ["reader"]'
    with pytest.raises(InvalidProviderError, match="everybody one name"):
        read_providers(proxied(tmp_path, "socket = true", everybody))
