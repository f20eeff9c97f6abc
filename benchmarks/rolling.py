"""A rolling restart: two processes of the service are restarted in turn under load.

Each is stopped with SIGTERM, and started again when it has ended, while the other responds. Ten
threads use the SDK, together 50 calls a second, through a balancer that checks ``/readyz``: they
read a version by alias, create models, and sometimes register a version with its own
bytes. A call that raises is a failure; all acknowledged writes must exist at the end.
``--seconds 180`` is the default.
"""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pedigree
from benchmarks._balancer import balancing
from benchmarks._report import Measured, report
from benchmarks._servers import free_port
from pedigree import NewVersion, Registry, Settings
from pedigree.access.records import Role
from pedigree.catalog.records import DeclaredMetadata
from pedigree.signatures.records import Column, ColumnType, Signature

SECONDS = 180.0
RATE = 50
PAUSE_S = 2.0
DRAIN = "1s"
_SENDERS = 10
_SUCCESS = 0.9995
_PATIENCE_S = 60.0
# One call in this many makes a model, or registers a version; primes, so each sender does both.
_MAKES_EVERY, _REGISTERS_EVERY = 7, 23
_METADATA = DeclaredMetadata(
    flavor="generic",
    signature=Signature(
        inputs=(Column(name="age", type=ColumnType.DOUBLE),),
        outputs=(Column(name="score", type=ColumnType.DOUBLE),),
    ),
    run_id="run-1",
    git_commit="0" * 40,
    git_dirty=False,
)


@dataclass(kw_only=True)
class Outcome:
    """The result of a run."""

    calls: int = 0
    failures: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    registered: dict[str, str] = field(default_factory=dict)
    lost: int = 0
    restarts: int = 0
    latencies: list[float] = field(default_factory=list)


def main() -> int:
    """Measure and report; return the exit code."""
    for name in [name for name in os.environ if name.startswith("PEDIGREE_")]:
        del os.environ[name]
    words = sys.argv[1:]
    seconds = float(words[words.index("--seconds") + 1]) if "--seconds" in words else SECONDS
    with tempfile.TemporaryDirectory(prefix="pedigree-bench-") as folder:
        done = run(Path(folder), seconds=seconds)
    for failure in done.failures:
        print(failure, file=sys.stderr)
    answered = (done.calls - len(done.failures)) / done.calls
    percentiles = statistics.quantiles(done.latencies, n=100)
    written = len(done.made) + len(done.registered)
    figures = [
        Measured(
            what="calls that succeeded", value=answered * 100, unit="%", target=_SUCCESS * 100
        ),
        Measured(what="writes lost", value=done.lost, unit="", target=0, at_least=False),
        Measured(what="writes that were acknowledged", value=written, unit=""),
        Measured(what="calls a second", value=done.calls / seconds, unit=""),
        Measured(what="restarts", value=done.restarts, unit=""),
        Measured(what="median call", value=percentiles[49] * 1000, unit="ms"),
        Measured(what="99th percentile of the calls", value=percentiles[98] * 1000, unit="ms"),
        Measured(what="the slowest call", value=max(done.latencies) * 1000, unit="ms"),
    ]
    return report(figures, words)


def run(
    home: Path,
    *,
    seconds: float = SECONDS,
    pause_s: float = PAUSE_S,
    drain: str = DRAIN,
    rate: int = RATE,
    database_url: str | None = None,
) -> Outcome:
    """Restart in turn under `rate` calls a second, until time is over and each was restarted."""
    settings = Settings(home=home / "home", database_url=database_url, actor="bench")
    with Registry.connect(settings=settings) as registry, ExitStack() as stack:
        secret = _fill(registry, home)
        server = registry.database.server
        environment = {
            "PEDIGREE_HOME": str(settings.home),
            "PEDIGREE_DATABASE_URL": database_url or (server.url("pedigree") if server else ""),
            "PEDIGREE_SERVE_DRAIN": drain,
        }
        services = [Service(free_port(), environment, home / f"{n}.log") for n in range(2)]
        for service in services:
            stack.callback(service.kill)
            service.start()
        for service in services:
            service.await_ready()
        balancer = stack.enter_context(balancing([service.port for service in services]))
        done = _under_load(
            *(balancer.url, secret, home, rate),
            lambda: _restart_by_turns(services, seconds, pause_s),
        )
        done.lost = _lost(registry, done)
    return done


class Service:
    """One process of ``pedigree serve``, which can be restarted."""

    def __init__(self, port: int, environment: dict[str, str], log: Path) -> None:
        self.port = port
        self._environment = {**os.environ, **environment}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, without waiting until it is ready."""
        program = Path(sys.executable).with_name("pedigree")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [program, "serve", "--port", str(self.port)], stderr=log, env=self._environment
            )

    def await_ready(self) -> None:
        """Wait until it is ready."""
        deadline = time.monotonic() + _PATIENCE_S
        while not self._is_ready():
            if time.monotonic() > deadline:
                raise SystemExit(f"it does not start:\n{self._log.read_text()}")
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2):
                return True
        except (URLError, OSError):
            return False

    def restart(self) -> None:
        """Stop it with SIGTERM, and start it again when it has ended."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(_PATIENCE_S)
        self.start()
        self.await_ready()

    def kill(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def _fill(registry: Registry, folder: Path) -> str:
    file = folder / "model.bin"
    file.write_text("weights")
    registry.register("read", file, NewVersion(metadata=_METADATA))
    registry.set_alias("read", "champion", 1)
    return registry.create_token("bench", roles=[Role.ADMIN]).secret


def _restart_by_turns(services: Sequence[Service], seconds: float, pause_s: float) -> int:
    restarts, until = 0, time.monotonic() + seconds
    while restarts < len(services) or time.monotonic() < until:
        time.sleep(pause_s)
        services[restarts % len(services)].restart()
        restarts += 1
    return restarts


def _under_load(
    url: str, secret: str, folder: Path, rate: int, restart: Callable[[], int]
) -> Outcome:
    done, over = Outcome(), threading.Event()
    client = Settings(home=folder / "client", actor="bench")
    with pedigree.connect(url, token=secret, settings=client) as registry:
        threads = [
            threading.Thread(target=_send, args=(registry, _due(sender, rate, over), folder, done))
            for sender in range(_SENDERS)
        ]
        for thread in threads:
            thread.start()
        try:
            done.restarts = restart()
        finally:
            over.set()
            for thread in threads:
                thread.join()
    return done


def _send(registry: Registry, numbers: Iterable[int], folder: Path, done: Outcome) -> None:
    for number in numbers:
        started_at = time.monotonic()
        try:
            _call(registry, number, folder, done)
        except Exception as error:  # any error counts as a failure
            done.failures.append(f"{time.monotonic() - started_at:.2f} s: {error!r}")
        done.latencies.append(time.monotonic() - started_at)
        done.calls += 1


def _due(sender: int, rate: int, over: threading.Event) -> Iterator[int]:
    """Yield a sender's calls at fixed times, independent of how long the calls take."""
    begun = time.monotonic()
    for number in count(sender, _SENDERS):
        if over.wait(max(0.0, begun + number / rate - time.monotonic())):
            return
        yield number


def _call(registry: Registry, number: int, folder: Path, done: Outcome) -> None:
    if number % _REGISTERS_EVERY == 0:
        file = folder / f"{number}.bin"
        file.write_text(f"weights {number}")
        version = registry.register("written", file, NewVersion(metadata=_METADATA)).version
        done.registered[version.reference] = file.read_text()
    elif number % _MAKES_EVERY == 0:
        done.made.append(registry.create_model(f"made-{number}").name)
    else:
        registry.get("read@champion")


def _lost(registry: Registry, done: Outcome) -> int:
    """Count acknowledged writes that do not exist."""
    there = {model.name for model in registry.models(limit=done.calls)}
    lost = len(set(done.made) - there)
    for reference, content in done.registered.items():
        (file,) = registry.manifest(reference).files
        _, pieces = registry.stream(reference, file.path)
        lost += b"".join(pieces).decode() != content
    return lost


if __name__ == "__main__":
    sys.exit(main())
