"""Servers that are measured: started as processes of their own, and driven by another process."""

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
    """A server that answers, and how long after its start it did."""

    port: int
    ready_s: float


@contextmanager
def running(
    command: Sequence[str | Path], environment: Mapping[str, str], path: str
) -> Iterator[Running]:
    """Run a server, which is given ``--port``, until it was used.

    Args:
        command: The program and its words.
        environment: What is added to this process's.
        path: It is ready when it answers here.
    """
    port = free_port()
    started = time.perf_counter()
    with tempfile.TemporaryFile() as told:
        process = subprocess.Popen(
            [*command, "--port", str(port)],
            env={**os.environ, **environment},
            stdout=told,
            stderr=told,
            start_new_session=True,
        )
        try:
            _await(f"http://127.0.0.1:{port}{path}", process, told)
            yield Running(port=port, ready_s=time.perf_counter() - started)
        finally:
            _stop(process)


def drive(
    server: Running, exchanges: Sequence[Sequence[str]], *, seconds: float = 3
) -> dict[str, Any]:
    """Drive a server by 8 connections; see ``benchmarks._load``.

    Raises:
        SystemExit: It refused something.
    """
    words = [str(server.port), str(seconds), str(CONNECTIONS)]
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


def _await(url: str, process: subprocess.Popen[bytes], told: IO[bytes]) -> None:
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
    told.seek(0)
    last = told.read().decode(errors="replace")[-2000:]
    raise SystemExit(f"{process.args!r} does not answer:\n{last}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a server with its workers, which are a group of processes."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
