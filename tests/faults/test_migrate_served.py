"""Two services start on an empty home at once, and go on while a later release migrates."""

import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import httpx2
import psycopg
import pytest

import pedigree
from pedigree.artifacts.objects import open_store
from pedigree.errors import PedigreeError
from pedigree.postgres import Database, EmbeddedPostgres
from pedigree.registry import Registry
from pedigree.settings import Settings
from tests.artifacts.servers.waiting import free_ports, wait_until
from tests.factories import register
from tests.integration.conftest import clean_environment
from tests.maintenance.collecting import require_sound

pytestmark = [pytest.mark.system, pytest.mark.timeout(200)]

# What a migration of a later release does, which takes a while under its locks.
LATER = """
SELECT pg_advisory_xact_lock(7020201184);
ALTER TABLE pedigree.model_version ADD COLUMN later text;
ALTER TABLE pedigree.event ADD COLUMN later text;
INSERT INTO pedigree.migration (number, name, checksum) VALUES (9999, '9999_later', 'later');
SELECT pg_sleep(1);
"""


def is_ready(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/readyz").is_success
    except httpx2.TransportError:
        return False


class Writer(threading.Thread):
    """A client of one of the services, which registers until it is stopped."""

    def __init__(self, url: str, folder: Path, name: str) -> None:
        super().__init__()
        self._url, self._folder, self._name = url, folder, name
        self.ended = threading.Event()
        self.acknowledged: list[str] = []
        self.failed: list[Exception] = []

    def run(self) -> None:
        """Register one version after the other."""
        settings = Settings(home=self._folder / "unused", actor="tester")
        with pedigree.connect(self._url, settings=settings) as registry:
            for count in range(10_000):
                if self.ended.is_set():
                    return
                try:
                    self.acknowledged.append(
                        register(registry, self._folder, f"{self._name} {count}", self._name)  # type: ignore[arg-type]
                    )
                except Exception as error:
                    self.failed.append(error)


def test_two_services_that_start_at_once_go_on_through_a_migration(tmp_path: Path) -> None:
    home = tmp_path / "home"
    environment = clean_environment(PEDIGREE_HOME=str(home), PEDIGREE_ACTOR="tester")
    program = str(Path(sys.executable).with_name("pedigree"))
    urls = []
    with ExitStack() as running:
        for port in free_ports(2):
            words = [program, "serve", "--port", str(port)]
            with (tmp_path / f"{port}.log").open("wb") as log:
                service = subprocess.Popen(words, env=environment, stdout=log, stderr=log)
            running.callback(service.wait)
            running.callback(service.kill)
            urls.append(f"http://127.0.0.1:{port}")
        migrated = subprocess.run([program, "migrate"], env=environment, check=False)
        assert migrated.returncode == 0
        wait_until(lambda: all(map(is_ready, urls)), "both services")
        writers = [Writer(url, tmp_path, f"model-{n}") for n, url in enumerate((*urls, *urls))]
        for writer in writers:
            writer.start()
        server = EmbeddedPostgres(home)
        wait_until(lambda: all(writer.acknowledged for writer in writers), "writes before")
        with psycopg.connect(server.url("pedigree")) as connection:
            connection.execute(LATER)
        there = [len(writer.acknowledged) for writer in writers]
        wait_until(
            lambda: all(len(w.acknowledged) > n for w, n in zip(writers, there, strict=True)),
            "writes after",
        )
        for writer in writers:
            writer.ended.set()
            writer.join()
            assert all(isinstance(error, PedigreeError) for error in writer.failed), writer.failed
        assert all(map(is_ready, urls))
        with Database.embedded(server) as database:
            registry = Registry(database, open_store(None, home), Settings(home=home, actor="a"))
            for number, writer in enumerate(writers):
                versions = registry.versions(f"model-{number}", limit=1000)
                assert set(writer.acknowledged) <= {version.reference for version in versions}
            require_sound(registry)
    server.stop(force=True)
