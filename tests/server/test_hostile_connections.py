"""Hostile connections have no effect: each is refused, and honest requests do not notice."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

import httpx2
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from pedigree.access.records import Role
from pedigree.registry import Registry
from pedigree.settings import Settings
from tests.artifacts.servers.waiting import free_ports
from tests.factories import register
from tests.server.conftest import Served, serving
from tests.server.hostile_connections import attempts, outcomes
from tests.server.raw import answer, connected, request, send

SHORT = 0.08
LEAST = 800
MOST_MEMORY = 512 << 20
FLOOD = 300


@pytest.fixture
def short_limits(settings: Settings) -> Settings:
    """Time limits that tests can wait for."""
    limits = {
        "serve_header_timeout": timedelta(seconds=2),
        "serve_body_timeout": timedelta(seconds=2),
    }
    return settings.model_copy(update=limits)


@pytest.fixture
def tokens(settings: Settings) -> list[str]:
    """Secrets of four contributors."""
    with Registry.connect(settings=settings) as registry:
        return [
            registry.create_token(f"hostile-{number}", roles=[Role.CONTRIBUTOR]).secret
            for number in range(4)
        ]


@contextmanager
def honest_reads(url: str, secret: str) -> Iterator[list[int]]:
    """Read a version again and again, as somebody else would, and yield the statuses."""
    statuses: list[int] = []
    ended = threading.Event()

    def read() -> None:
        headers = {"Authorization": f"Bearer {secret}"}
        with httpx2.Client(base_url=url, headers=headers, timeout=30) as client:
            while not ended.is_set():
                statuses.append(client.get("/api/v1/models/honest/versions/1").status_code)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield statuses
    finally:
        ended.set()
        thread.join()


def failures(url: str, secret: str) -> float:
    """How many requests the service answered with 5xx."""
    text = httpx2.get(f"{url}/metrics", headers={"Authorization": f"Bearer {secret}"}).text
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "pedigree_http_requests_total" and sample.labels["status"][0] == "5"
    )


def test_a_few_attempts_of_each_class_have_no_effect(
    short_limits: Settings, tokens: list[str], tmp_path: Path
) -> None:
    with serving(short_limits) as served:
        register(served.registry, tmp_path, "weights", "honest")
        require_no_effect(served, tokens, SHORT)


def require_no_effect(served: Served, tokens: list[str], share: float) -> int:
    """Make the attempts, and require that nothing else changes; return how many there were."""
    reader = served.registry.create_token("reader", roles=[Role.READER]).secret
    before = served.registry.models()
    wanted = list(attempts(tokens, share))
    with honest_reads(served.url, reader) as statuses:
        found = outcomes(served.url, wanted)
    assert set(statuses) == {200}
    assert sum(each.total() for each in found.values()) == len(wanted)
    assert served.registry.models() == before
    assert failures(served.url, reader) == 0
    return len(wanted)


@pytest.fixture
def running(short_limits: Settings) -> Iterator[tuple[str, psutil.Process]]:
    """The URL of `pedigree serve`, and its process."""
    (port,) = free_ports(1)
    environment = {
        **os.environ,
        "PEDIGREE_DATABASE_URL": str(short_limits.database_url),
        "PEDIGREE_HOME": str(short_limits.home),
        "PEDIGREE_SERVE_HEADER_TIMEOUT": "2s",
        "PEDIGREE_SERVE_BODY_TIMEOUT": "2s",
        "PEDIGREE_SERVE_DRAIN": "0",
    }
    command = [Path(sys.executable).with_name("pedigree"), "serve", "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment) as served:
        url = f"http://127.0.0.1:{port}"
        with httpx2.Client(transport=httpx2.HTTPTransport(retries=10), timeout=60) as client:
            assert client.get(f"{url}/readyz").status_code == 200
        yield url, psutil.Process(served.pid)
        served.terminate()


@pytest.mark.system
@pytest.mark.timeout(300)
def test_hundreds_of_attempts_have_no_effect_and_take_no_memory(
    settings: Settings, running: tuple[str, psutil.Process], tokens: list[str], tmp_path: Path
) -> None:
    url, process = running
    with Registry.connect(settings=settings) as registry:
        register(registry, tmp_path, "weights", "honest")
        made = require_no_effect(Served(url, registry), tokens, 1.0)
    made += _flood(url)
    assert made >= LEAST
    assert process.memory_info().rss <= MOST_MEMORY


def _flood(url: str) -> int:
    """Open connections of one address that never send a whole request; return how many."""
    with ExitStack() as stack:
        for _ in range(FLOOD):
            opened = stack.enter_context(connected(url, "127.0.9.1"))
            send(opened, b"GET ")
        with connected(url, "127.0.9.2") as other:
            send(other, request("GET", "/livez"))
            assert answer(other).status == 200
    return FLOOD
