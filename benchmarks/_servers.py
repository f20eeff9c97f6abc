"""Start the measured servers as separate processes, and load them from another process."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.request import urlopen

CONNECTIONS = 8
_PATIENCE_S = 180
_STOP_S = 20


@dataclass(frozen=True, kw_only=True)
class Running:
    """A ready server, and the time from its start to its first response."""

    port: int
    ready_s: float
    pid: int


@contextmanager
def running(
    command: Sequence[str | Path], environment: Mapping[str, str], path: str
) -> Iterator[Running]:
    """Run a server with an additional ``--port`` argument for the duration of a block.

    Args:
        command: The program and its arguments.
        environment: Additional variables.
        path: The path whose response shows that it is ready.
    """
    port = free_port()
    started = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [*command, "--port", str(port)],
            env={**os.environ, **environment},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            _await(f"http://127.0.0.1:{port}{path}", process, output)
            yield Running(port=port, ready_s=time.perf_counter() - started, pid=process.pid)
        finally:
            _stop(process)


def drive(
    server: Running,
    exchanges: Sequence[Sequence[str]],
    *,
    seconds: float = 3,
    connections: int = CONNECTIONS,
) -> dict[str, Any]:
    """Load a server; see ``benchmarks._load``.

    Raises:
        SystemExit: It refused a request.
    """
    words = [str(server.port), str(seconds), str(connections)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks._load", *words],
        input=json.dumps(list(map(list, exchanges))),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    answered: dict[str, Any] = json.loads(done.stdout)
    if answered["refused"]:
        raise SystemExit(f"{exchanges[0][-1][:500]}\nwas answered\n{answered['refused']}")
    return answered


def _await(url: str, process: subprocess.Popen[bytes], output: IO[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            urlopen(url, timeout=5).close()
        except OSError:
            time.sleep(0.01)
        else:
            return
    output.seek(0)
    last = output.read().decode(errors="replace")[-2000:]
    raise SystemExit(f"{process.args!r} does not answer:\n{last}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop a server and its workers, which are one process group."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
