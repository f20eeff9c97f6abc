"""The plugin of MLflow's client: the credential of a request is that of its host."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tomllib import loads

import pytest

from pedigree.access.oidc.login_offers import LoginOffer
from pedigree.client._logins import required_login
from pedigree.client.mlflow_auth import PedigreeAuthProvider
from tests.lazy import lazy

requests = lazy("requests")

ROOT = Path(__file__).parents[2]
GROUP = "mlflow.request_auth_provider"
# The stock client, which asks each server once.
CLIENT = """
from mlflow import MlflowClient
client = MlflowClient()
client.get_experiment("0")
client.get_registered_model("churn")
"""


@contextmanager
def answering() -> Iterator[tuple[str, list[str | None]]]:
    """A server that answers what the client asks, and its URL with the credentials that it got."""
    got: list[str | None] = []

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            got.append(self.headers["Authorization"])
            is_model = "registered-models" in self.path
            kind = {"registered_model": {"name": "churn"}} if is_model else {}
            body = json.dumps(kind or {"experiment": {"experiment_id": "0"}}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", got
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def servers() -> Iterator[tuple[tuple[str, list[str | None]], tuple[str, list[str | None]]]]:
    """A tracking server and a registry."""
    with answering() as tracking, answering() as registry:
        yield tracking, registry


def installed(folder: Path) -> Path:
    """A folder with the entry point of the plugin, as the wheel installs it."""
    points = loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"][GROUP]
    info = folder / "plugin-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin\nVersion: 1.0\n")
    lines = "".join(f"{name} = {target}\n" for name, target in points.items())
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{lines}")
    return folder


def ask_both(folder: Path, tracking: str, registry: str, **environment: str) -> None:
    """Let the stock client ask both servers."""
    path = os.pathsep.join((str(installed(folder)), str(ROOT)))
    given = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": path,
        "MLFLOW_TRACKING_URI": tracking,
        "MLFLOW_REGISTRY_URI": registry,
        "MLFLOW_TRACKING_AUTH": "pedigree",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        **environment,
    }
    subprocess.run([sys.executable, "-c", CLIENT], env=given, check=True)


def credential(url: str) -> str | None:
    """What the plugin adds to a request to a URL."""
    request = requests.Request("GET", url, auth=PedigreeAuthProvider().get_auth()).prepare()
    found: str | None = request.headers.get("Authorization")
    return found


def test_the_stock_client_sends_each_server_its_own_credential(
    servers: tuple[tuple[str, list[str | None]], tuple[str, list[str | None]]], tmp_path: Path
) -> None:
    (tracking, to_tracking), (registry, to_registry) = servers
    ask_both(
        tmp_path, tracking, registry, PEDIGREE_TOKEN="pdg_ours", MLFLOW_TRACKING_TOKEN="theirs"
    )
    assert set(to_tracking) == {"Bearer theirs"}
    assert set(to_registry) == {"Bearer pdg_ours"}


def test_the_stock_client_uses_the_login_of_the_registry(
    servers: tuple[tuple[str, list[str | None]], tuple[str, list[str | None]]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tracking, to_tracking), (registry, to_registry) = servers
    config = tmp_path / "config"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(config))
    keep_login(registry, "of-ann")
    ask_both(tmp_path / "home", tracking, registry, XDG_CONFIG_HOME=str(config))
    assert set(to_tracking) == {None}
    assert set(to_registry) == {"Bearer of-ann"}


def keep_login(url: str, token: str) -> None:
    offer = LoginOffer(
        provider="sso", issuer="https://sso.example", client_id="cli", audience=url, scopes=()
    )
    required_login(url).keep(offer, {"access_token": token, "expires_in": 3600})


@pytest.mark.parametrize(
    ("url", "is_ours"),
    [
        ("https://registry.example/pedigree/api/2.0/mlflow/runs/get", True),
        ("https://REGISTRY.example:443/pedigree/api", True),
        ("https://registry.example/pedigree", True),
        ("https://registry.example/pedigreed/api", False),
        ("https://registry.example/api", False),
        ("http://registry.example/pedigree/api", False),
        ("https://registry.example:8443/pedigree/api", False),
        ("https://registry.example.evil/pedigree/api", False),
        ("https://registry.example@evil.example/pedigree/api", False),
        ("https://evil.example/pedigree/api?https://registry.example/pedigree", False),
    ],
)
def test_the_token_goes_to_its_own_service_alone(
    url: str, is_ours: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("PEDIGREE_API_URL", "https://registry.example/pedigree")
    monkeypatch.setenv("PEDIGREE_TOKEN", "pdg_ours")
    sent = credential(url)
    assert (sent == "Bearer pdg_ours") is is_ours
    assert is_ours or "pdg_ours" not in str(sent)


def test_a_token_without_an_address_of_its_service_is_sent_to_nobody(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("PEDIGREE_TOKEN", "pdg_ours")
    assert credential("https://registry.example/api/2.0/mlflow/runs/get") is None


def test_a_login_is_found_below_the_prefix_of_its_service(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    keep_login("https://host.example/registry", "of-ann")
    assert credential("https://host.example/registry/api/2.0/mlflow/a") == "Bearer of-ann"
    assert credential("https://host.example/other/api/2.0/mlflow/a") is None
