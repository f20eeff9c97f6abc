"""`kill -9` of service, database, supervisor and clients, under eight clients.

::

    python -m tests.faults.kill_everything --minutes 10

It starts `pedigree serve` on an embedded database and eight clients, and kills one of their
processes every few seconds. A process that was killed is started again, as a process manager does
it. At the end every acknowledged operation must have its event exactly once, and `fsck --hashes`
must find nothing. Prints what happened as JSON; the exit code is 1 if something was lost.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import psutil

from pedigree.audit.records import Event
from pedigree.postgres import EmbeddedPostgres
from pedigree.registry import Registry
from pedigree.settings import Settings
from tests.artifacts.servers.waiting import free_ports, wait_until
from tests.factories import free_policy
from tests.faults.journal import Operation, operations

CLIENTS = 8
# How long all of it may take to be back at the end.
COMEBACK_S = 120.0
SHOWN = 10


class Outcome(NamedTuple):
    """What a run of kills has shown."""

    seconds: float
    acknowledged: Mapping[str, int]
    refused: int
    unknown: int
    kills: Mapping[str, int]
    lost: Sequence[str]
    doubled: Sequence[str]
    untyped: Sequence[str]
    violations: Sequence[str]

    @property
    def total(self) -> int:
        """The number of acknowledged operations."""
        return sum(self.acknowledged.values())

    @property
    def ok(self) -> bool:
        """Whether nothing was lost, done twice, or failed with an error that is none of ours."""
        return not (self.lost or self.doubled or self.untyped or self.violations)


class KeptAlive:
    """A process that is started again whenever it has ended.

    Args:
        words: The command.
        environment: Its environment.
        log: Where its output goes.
    """

    def __init__(self, words: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._words, self._environment, self._log = list(words), dict(environment), log
        self._ended = threading.Event()
        self._process = self._start()
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """The process of now."""
        return self._process.pid

    def close(self) -> None:
        """Kill it, for good."""
        self._ended.set()
        self._process.kill()
        self._thread.join()
        self._process.kill()
        self._process.wait()

    def _start(self) -> "subprocess.Popen[bytes]":
        with self._log.open("ab") as log:
            return subprocess.Popen(self._words, stdout=log, stderr=log, env=self._environment)

    def _keep(self) -> None:
        while not self._ended.is_set():
            self._process.wait()
            if not self._ended.is_set():
                self._process = self._start()


class Victims:
    """The processes that are killed, by the name of their part.

    Args:
        home: The home folder of the embedded database.
        service: The service.
        clients: The clients.
    """

    def __init__(self, home: Path, service: KeptAlive, clients: Sequence[KeptAlive]) -> None:
        self._server, self._service, self._clients = EmbeddedPostgres(home), service, clients
        self.choices = random.Random(0)
        self.killed: Counter[str] = Counter()
        self._find: Mapping[str, Callable[[], int | None]] = {
            "service": lambda: self._service.pid,
            "database": lambda: self._server.status().pid,
            "session": self._session,
            "supervisor": lambda: self._server.status().supervisor_pid,
            "client": lambda: self.choices.choice(self._clients).pid,
        }

    def kill_one(self) -> None:
        """Kill one process of a part, if it runs."""
        part = self.choices.choice([*self._find])
        pid = self._find[part]()
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, 9)
                self.killed[part] += 1

    def _session(self) -> int | None:
        """A process of the database; its end makes all others of it start again."""
        pid = self._server.status().pid
        with suppress(psutil.Error):
            children = psutil.Process(pid).children() if pid else []
            return self.choices.choice(children).pid if children else None
        return None


@contextmanager
def served(folder: Path) -> Iterator[tuple[KeptAlive, str]]:
    """Run the service on an embedded database in a folder."""
    (port,) = free_ports(1)
    steering = ("PEDIGREE_", "DAGSTER_", "AWS_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(steering)}
    environment = {**kept, "PEDIGREE_HOME": str(folder / "home"), "PEDIGREE_ACTOR": "tester"}
    words = [str(Path(sys.executable).with_name("pedigree")), "serve", "--port", str(port)]
    service = KeptAlive(words, environment, folder / "service.log")
    try:
        yield service, f"http://127.0.0.1:{port}"
    finally:
        service.close()


def run(folder: Path, *, seconds: float, every: float) -> Outcome:
    """Kill one process every few seconds, and return what is left of the operations."""
    settings = Settings(home=folder / "home", actor="tester")
    with Registry.connect(settings=settings) as registry:
        for number in range(CLIENTS):
            registry.create_model(f"model-{number}")
            registry.set_policy(f"model-{number}", free_policy())
    with ExitStack() as running:
        service, url = running.enter_context(served(folder))
        clients = []
        for number in range(CLIENTS):
            words = [sys.executable, "-m", "tests.faults.mortal_client", url, str(folder)]
            client = KeptAlive([*words, str(number)], os.environ, folder / "clients.log")
            running.callback(client.close)
            clients.append(client)
        journals = [folder / f"journal-{number}" for number in range(CLIENTS)]
        wait_until(lambda: all(path.exists() for path in journals), "the start of the clients")
        victims, began = Victims(settings.home_folder, service, clients), time.monotonic()
        while time.monotonic() - began < seconds:
            time.sleep(victims.choices.uniform(0.5, 1.5) * every)
            victims.kill_one()
    seconds = time.monotonic() - began
    try:
        return judge(settings, operations(journals), victims.killed, seconds)
    finally:
        EmbeddedPostgres(settings.home_folder).stop(force=True)


def judge(
    settings: Settings, done: Sequence[Operation], kills: Mapping[str, int], seconds: float
) -> Outcome:
    """Compare what was acknowledged with what the registry has."""
    with Registry.connect(settings=settings) as registry:
        carried = Counter(name for event in events_of(registry) for name in names_in(event))
        report = registry.fsck(hashes=True)
    acknowledged = [each for each in done if each.outcome == "done"]
    return Outcome(
        seconds=round(seconds, 1),
        acknowledged=dict(Counter(each.kind for each in acknowledged)),
        refused=sum(each.outcome == "refused" for each in done),
        unknown=sum(each.outcome == "unknown" for each in done),
        kills=dict(kills),
        lost=[f"{each}" for each in acknowledged if each.name not in carried],
        doubled=[f"{each}" for each in done if carried[each.name] > 1],
        untyped=[f"{each}" for each in done if each.outcome == "untyped"],
        violations=[f"{check}" for check in report.checks if check.violations],
    )


def events_of(registry: Registry) -> Iterator[Event]:
    """Yield all events of the feed."""
    after = 0
    while page := registry.events(after, 1000):
        yield from page
        after = page[-1].seq


def names_in(event: Event) -> Iterator[str]:
    """Yield the operation that an event is of, unless it only follows from another event."""
    tags = event.body.get("tags")
    of_move = event.body.get("to") != "archived"  # the version that another one replaces
    if isinstance(tags, dict) and "operation" in tags:
        yield str(tags["operation"])
    elif event.type.value == "version.created":
        yield str(event.body["run_id"])
    elif event.body.get("reason") is not None and of_move:
        yield str(event.body["reason"])


def main() -> int:
    """Run it, print the outcome, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--every", type=float, default=6.0, help="seconds between two kills")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pedigree-kills-", dir=_roomy()) as folder:
        outcome = run(Path(folder), seconds=given.minutes * 60, every=given.every)
    shown = {
        name: value[:SHOWN] if isinstance(value, list) else value
        for name, value in outcome._asdict().items()
    }
    sys.stdout.write(json.dumps({"total": outcome.total, "ok": outcome.ok, **shown}, indent=2))
    sys.stdout.write("\n")
    return 0 if outcome.ok else 1


def _roomy() -> str | None:
    """A folder in memory, where no sync waits for a disk; None where there is none."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


if __name__ == "__main__":
    sys.exit(main())
