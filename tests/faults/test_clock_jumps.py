"""Clocks that jump: of the database's machine, and of its clients'."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pedigree.artifacts.objects import open_store
from pedigree.postgres import Database
from pedigree.postgres.migrate import migrate
from pedigree.registry import Registry
from pedigree.settings import Settings
from tests.factories import free_policy, register
from tests.faults.replicated import end, make_cluster, node_in, start
from tests.maintenance.collecting import collect, require_sound

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(200),
    pytest.mark.skipif(not LIBRARY, reason="libfaketime is missing: apt-get install libfaketime"),
]

# From the true time, one after the other: forward and back, over a day and over a year.
JUMPS = ("+2h", "-3h", "+40d", "+1h", "-400d", "+0")


def faked(file: Path) -> dict[str, str]:
    """The environment of a process whose clock is off by what a file says."""
    return {
        "LD_PRELOAD": str(LIBRARY),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }


@pytest.fixture
def jump(tmp_path: Path) -> Callable[[str], None]:
    file = tmp_path / "clock"
    file.write_text("+0")
    file.chmod(0o644)

    def to(offset: str) -> None:
        beside = file.with_name("clock.new")
        beside.write_text(offset)
        beside.chmod(0o644)
        beside.rename(file)

    to.file = file  # type: ignore[attr-defined]
    return to


@pytest.fixture
def jumping(
    jump: Callable[[str], None], home: Path, fast_settings: dict[str, str]
) -> Iterator[Registry]:
    """A registry on a database whose machine has a clock that jumps."""
    folder = Path(tempfile.mkdtemp(prefix="pdg-", dir="/tmp"))  # sockets have short names
    data, node = make_cluster(folder), node_in(folder, "a")
    process = start(node, data, fast_settings, **faked(jump.file))  # type: ignore[attr-defined]
    try:
        with Database.connect(node.url()) as database:
            migrate(database)
            yield Registry(database, open_store(None, home), Settings(home=home, actor="tester"))
    finally:
        end(process)
        shutil.rmtree(folder, ignore_errors=True)


def test_a_database_whose_clock_jumps_keeps_every_write_and_its_order(
    jumping: Registry, jump: Callable[[str], None], tmp_path: Path
) -> None:
    registry, name = jumping, "churn"
    registry.create_model(name)
    registry.set_policy(name, free_policy())
    days = set()
    for count, offset in enumerate(JUMPS):
        jump(offset)
        (row,) = registry.database.fetch_all("SELECT clock_timestamp() AS now")
        days.add(row["now"].date())
        first = register(registry, tmp_path, f"a {count}", name)
        second = register(registry, tmp_path, f"b {count}", name)
        registry.promote(first, "production")
        jump(JUMPS[count - 1])
        registry.promote(second, "production")
        jump(offset)
        registry.rollback(name)
        registry.set_alias(name, "best", int(second.rpartition("/")[2]))
        registry.quarantine_version(second, reason="test")
        registry.release_version(second)
        registry.delete_alias(name, "best")
        registry.delete(second, reason="test")
        registry.restore(second)
        registry.delete(second, reason="test")
        registry.card(first)
        assert registry.champion(name)
        require_sound(registry)
    assert len(days) >= 3
    collect(registry)
    require_sound(registry)
    assert [event.seq for event in registry.events(limit=1000)] == [
        *range(1, len(registry.events(limit=1000)) + 1)
    ]


@pytest.mark.parametrize("offset", ["-400d", "+400d"])
def test_a_client_with_a_wrong_clock_writes_the_times_of_the_database(
    offset: str, registry: Registry, database_url: str, jump: Callable[[str], None], tmp_path: Path
) -> None:
    register(registry, tmp_path, "before")
    jump(offset)
    program = (
        "import datetime, sys; from pathlib import Path; from pedigree.registry import Registry\n"
        "from tests.factories import register\n"
        "print(datetime.date.today().year)\n"
        "with Registry.connect(sys.argv[1], sys.argv[2]) as registry:\n"
        "    register(registry, Path(sys.argv[3]), 'during')\n"
        "    registry.card('churn/2')\n"
        "    assert registry.fsck(hashes=True).ok\n"
    )
    words = [sys.executable, "-c", program, database_url, registry.store.url, str(tmp_path)]
    environment = {**os.environ, **faked(jump.file)}  # type: ignore[attr-defined]
    environment |= {"PEDIGREE_HOME": str(registry.settings.home_folder), "PEDIGREE_ACTOR": "tester"}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    register(registry, tmp_path, "after")
    times = [event.at for event in registry.events()]
    assert int(done.stdout) != times[-1].year
    assert times == sorted(times)
    assert (times[-1] - times[0]).days == 0
    require_sound(registry)
