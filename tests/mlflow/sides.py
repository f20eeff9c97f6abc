"""The two sides of a comparison: a service that speaks MLflow's protocol, and its stock client."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest

from pedigree.access.records import Role
from pedigree.settings import Settings
from tests.mlflow.driver import loaded
from tests.server.conftest import NO_AUTHORITIES, serving

API = "/api/2.0/mlflow"
MLFLOW = Path(__file__).parents[2] / ".venv-mlflow" / "bin"
# Its processes for jobs look for work all the time; no test of ours gives them any.
ALONE = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
}
MISSING = "MLflow's server is not installed: `make test-system` puts it into .venv-mlflow"
_READY_S = 180.0


class Sent(NamedTuple):
    """A request that is made by hand."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: Any = None
    raw: str | None = None
    """A body that is no JSON; instead of ``body``."""
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def route(self) -> str:
        """The method and path, by which differences are named."""
        return f"{self.method} {self.path}"

    @property
    def label(self) -> str:
        """The route with what is sent, by which differences are shown."""
        sent = self.raw if self.raw is not None else json.dumps(self.body or dict(self.query))
        return f"{self.route} {sent}"


class Call(NamedTuple):
    """A call of the stock client."""

    name: str
    arguments: dict[str, Any]

    @property
    def route(self) -> str:
        """The name of the call, by which differences are named."""
        return f"client {self.name}"

    @property
    def label(self) -> str:
        """The call with its arguments, by which differences are shown."""
        return f"{self.route} {json.dumps(self.arguments)}"


class Side:
    """A service, and the ways to ask it.

    Args:
        url: Its URL.
        token: A token for it; None if it takes requests of anybody.
        driver: The process of a stock client; None where only requests by hand are sent.
    """

    def __init__(
        self, url: str, token: str | None, driver: "subprocess.Popen[str] | None" = None
    ) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.url = url
        self._client = httpx2.Client(
            base_url=url, headers=headers, timeout=60, verify=NO_AUTHORITIES
        )
        self._driver = driver

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def send(self, sent: Sent) -> dict[str, Any]:
        """Send a request, and return its answer as JSON."""
        headers = dict(sent.headers)
        content: bytes | None = None
        if sent.raw is not None:
            content = sent.raw.encode()
        elif sent.body is not None:
            content = json.dumps(sent.body).encode()
            headers.setdefault("Content-Type", "application/json")
        answer = self._client.request(
            sent.method, sent.path, params=list(sent.query), content=content, headers=headers
        )
        return {
            "status": answer.status_code,
            "type": answer.headers.get("content-type", "").partition(";")[0],
            "answer": loaded(answer.text),
        }

    def call(self, call: Call) -> dict[str, Any]:
        """Call the stock client, and return what it returns or raises, with the exchanges."""
        assert self._driver is not None
        assert self._driver.stdin is not None
        assert self._driver.stdout is not None
        self._driver.stdin.write(json.dumps({"call": call.name, "args": call.arguments}) + "\n")
        self._driver.stdin.flush()
        answer: dict[str, Any] = json.loads(self._driver.stdout.readline())
        return answer

    def do(self, step: Sent | Call) -> dict[str, Any]:
        """Do one step."""
        return self.send(step) if isinstance(step, Sent) else self.call(step)


class RememberedSide(Side):
    """A service whose answers are remembered, for several comparisons of the same steps.

    Args:
        side: The service.
    """

    def __init__(self, side: Side) -> None:
        super().__init__(side.url, None)
        self._side = side
        self._answers: list[dict[str, Any]] = []
        self._given = 0

    def from_start(self) -> "RememberedSide":
        """Give the answers again, beginning with the first one."""
        self._given = 0
        return self

    def do(self, step: Sent | Call) -> dict[str, Any]:
        """Return the remembered answer; do the step only if there is none yet."""
        if self._given == len(self._answers):
            self._answers.append(self._side.do(step))
        self._given += 1
        return self._answers[self._given - 1]


def require_mlflow() -> None:
    """Skip a test where MLflow's server is not installed."""
    if not (MLFLOW / "mlflow").exists():
        pytest.skip(MISSING)


@contextmanager
def real_server(folder: Path) -> Iterator[str]:
    """Run MLflow's server on a database of its own, and yield its URL."""
    port = _free_port()
    command = [
        *(str(MLFLOW / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(port)),
        *("--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--workers", "1"),
        *("--artifacts-destination", str(folder / "artifacts")),
    ]
    with (folder / "server.log").open("w") as log, _ending(command, log, _quiet()) as process:
        url = f"http://127.0.0.1:{port}"
        _await_health(url, process)
        yield url


@contextmanager
def real_side(folder: Path) -> Iterator["Side"]:
    """MLflow's server with a stock client; without it the test is skipped."""
    require_mlflow()
    with real_server(folder) as url, driven(url, None) as side:
        yield side


@contextmanager
def driven(url: str, token: str | None, tracking: str | None = None) -> Iterator[Side]:
    """Start a stock client of a service, and yield the side.

    Args:
        url: The service.
        token: A token for it.
        tracking: The tracking server; the service if it is None.
    """
    # Each failure is compared, and no request is repeated.
    environment = _quiet() | {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    if token:
        environment["MLFLOW_TRACKING_TOKEN"] = token
    driver = str(Path(__file__).with_name("driver.py"))
    command = [str(MLFLOW / "python"), driver, tracking or url, url]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["ready"]
        side = Side(url, token, process)
        try:
            yield side
        finally:
            side.close()
            assert process.stdin is not None
            process.stdin.close()


def cleared(*sides: Side) -> None:
    """Delete all models."""
    for side in sides:
        asked = Sent("GET", f"{API}/registered-models/search", (("max_results", "1000"),))
        for model in side.send(asked)["answer"].get("registered_models", []):
            path = f"{API}/registered-models/delete"
            assert side.send(Sent("DELETE", path, body={"name": model["name"]}))["status"] == 200


@contextmanager
def our_service(settings: Settings) -> Iterator[tuple[str, str]]:
    """Run our service, and yield its URL and an admin's token."""
    with serving(settings) as served:
        token = served.registry.create_token("differential", roles=[Role.ADMIN]).secret
        yield served.url, token


@contextmanager
def _ending(command: list[str], log: Any, environment: dict[str, str]) -> Iterator[Any]:
    # A group of its own: the server starts processes, which end with it.
    with ExitStack() as stack:
        process = stack.enter_context(
            subprocess.Popen(
                command,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        )
        try:
            yield process
        finally:
            os.killpg(process.pid, 9)


def _quiet() -> dict[str, str]:
    """Return an environment in which MLflow serves and sends nothing to anybody."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, **ALONE}


def _free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


def _await_health(url: str, process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + _READY_S
    with httpx2.Client(timeout=5, verify=NO_AUTHORITIES) as client:
        while True:
            try:
                if client.get(f"{url}/health").status_code == 200:
                    return
            except httpx2.TransportError:
                pass
            assert process.poll() is None, "MLflow's server ended"
            assert time.monotonic() < deadline, "MLflow's server did not start"
