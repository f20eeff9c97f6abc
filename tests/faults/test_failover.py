"""A standby that is promoted under load has every acknowledged write."""

import tempfile
import threading
from pathlib import Path

import pytest

from pedigree.artifacts.objects import open_store
from pedigree.errors import PedigreeError
from pedigree.postgres import Database
from pedigree.postgres.migrate import migrate
from pedigree.registry import Registry
from pedigree.settings import Settings
from tests.artifacts.servers.waiting import wait_until
from tests.factories import free_policy, register
from tests.faults.replicated import replicated
from tests.maintenance.collecting import require_sound

pytestmark = [pytest.mark.system, pytest.mark.timeout(200)]

THREADS = 3
BEFORE = AFTER = 15


class Load:
    """Threads that register and promote until they are stopped."""

    def __init__(self, registry: Registry, folder: Path) -> None:
        self._registry, self._folder = registry, folder
        self._ended = threading.Event()
        self.acknowledged: list[str] = []
        self.failed: list[Exception] = []
        self._threads = [threading.Thread(target=self._work, args=(n,)) for n in range(THREADS)]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _work(self, number: int) -> None:
        for count in range(10_000):
            if self._ended.is_set():
                return
            try:
                name = f"model-{number}"
                reference = register(self._registry, self._folder, f"{number} {count}", name)
                self.acknowledged.append(reference)
                self._registry.promote(reference, "production", reason=reference)
                self.acknowledged.append(f"{reference} in production")
            except Exception as error:
                self.failed.append(error)


def test_a_promoted_standby_has_every_acknowledged_write(
    home: Path, tmp_path: Path, fast_settings: dict[str, str]
) -> None:
    short = Path(tempfile.mkdtemp(prefix="pdg-", dir="/tmp"))  # sockets have short names
    with (
        replicated(short, fast_settings) as pair,
        Database.connect(pair.url("postgres"), connections=THREADS + 1) as database,
    ):
        migrate(database)
        settings = Settings(home=home, actor="tester")
        registry = Registry(database, open_store(None, home), settings)
        for number in range(THREADS):
            registry.create_model(f"model-{number}")
            registry.set_policy(f"model-{number}", free_policy())
        load = Load(registry, tmp_path)
        wait_until(lambda: len(load.acknowledged) > BEFORE, "writes before")
        pair.fail_over()
        there = len(load.acknowledged)
        wait_until(lambda: len(load.acknowledged) > there + AFTER, "writes after")
        load.end()
        assert all(isinstance(error, PedigreeError) for error in load.failed), load.failed
        events = registry.events(limit=10_000)
        found = {f"{event.model}/{event.version}" for event in events}
        found |= {f"{event.body.get('reason')} in production" for event in events}
        assert set(load.acknowledged) <= found
        require_sound(registry)
