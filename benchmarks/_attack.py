"""Attack a server from one process, at a stated rate, until SIGTERM.

Run it as ``python -m benchmarks._attack KIND PORT SECRET``. It lowers its own priority to nice 19,
connects from another loopback address than honest clients, and prints at its end how many
attempts it began, in how many seconds with room for one more, and how many of them each status
answered.
"""

import asyncio
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from itertools import count
from typing import NamedTuple

ADDRESS = "127.0.0.2"
BOMBS = "bombs"
"""The model whose versions are costly to scan."""
LARGE = "large"
"""The model whose versions are large records."""

_NICE = 19
_HEADER_BYTES = 16 << 20
_PAUSE_S = 1.0
_PATHS = 3600
_PARTS = 500
_PIECE = 1 << 18


class Rate(NamedTuple):
    """How an attack proceeds."""

    per_s: int
    """The attempts that begin in a second, as long as fewer than ``at_once`` are in progress."""
    at_once: int


RATES = {
    "endless_headers": Rate(20, 20),
    "slow_headers": Rate(200, 1100),
    "slow_bodies": Rate(100, 160),
    "costly_scans": Rate(5, 80),
    "deep_paths": Rate(2, 10),
    "large_lists": Rate(10, 10),
}


class Attack:
    """One attack on a port.

    Args:
        port: The port.
        secret: The token of a contributor.
    """

    def __init__(self, port: int, secret: str) -> None:
        self.begun = 0
        self.full_s = 0.0
        self.answers: Counter[str] = Counter()
        self._port = port
        self._authorization = f"Host: localhost\r\nAuthorization: Bearer {secret}\r\n"

    async def run(self, kind: str) -> None:
        """Begin attempts of a kind at its rate; late ones begin at once."""
        rate, attempt = RATES[kind], getattr(self, kind)()
        tasks: set[asyncio.Task[None]] = set()
        due = time.monotonic()
        while True:
            tasks = {each for each in tasks if not each.done()}
            if len(tasks) < rate.at_once:
                self.begun += 1
                tasks.add(asyncio.create_task(attempt()))
                due += 1 / rate.per_s
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            else:
                await asyncio.wait(tasks, timeout=1 / rate.per_s)
                due, before = time.monotonic(), due
                self.full_s += due - before

    def endless_headers(self) -> Callable[[], Coroutine[None, None, None]]:
        """Send a head of 16 MiB, of one header."""
        begin, piece = b"GET /livez HTTP/1.1\r\nX: ", b"x" * _PIECE
        pieces = [begin, *[piece] * (_HEADER_BYTES // _PIECE)]
        return lambda: self._send(pieces)

    def slow_headers(self) -> Callable[[], Coroutine[None, None, None]]:
        """Keep a head open that gets a byte per second."""
        return lambda: self._trickle(b"GET /livez HTTP/1.1\r\nX: ")

    def slow_bodies(self) -> Callable[[], Coroutine[None, None, None]]:
        """Keep a body open that gets a byte per second."""
        head = self._head("POST", "/models", 4096)
        return lambda: self._trickle(head)

    def costly_scans(self) -> Callable[[], Coroutine[None, None, None]]:
        """Have the two versions scanned by turns."""
        body = b'{"check": "artifact_scan"}'
        head = [self._head("POST", f"/models/{BOMBS}/versions/{n}/checks", len(body)) for n in "12"]
        turns = count()
        return lambda: self._ask(head[next(turns) % 2] + body)

    def deep_paths(self) -> Callable[[], Coroutine[None, None, None]]:
        """Register a version whose paths have hundreds of parts."""
        deep = "/".join("x" * _PARTS)
        files = [
            {"path": f"{deep}/{n:04}", "size": 1, "digest": f"sha256:{n:064}"}
            for n in range(_PATHS)
        ]
        column = {"kind": "column", "name": "age", "type": "double"}
        metadata = {
            "flavor": "generic",
            "signature": {"inputs": [column], "outputs": [column]},
            "run_id": "run-1",
            "git_commit": "0" * 40,
            "git_dirty": False,
        }
        body = json.dumps({"files": files, "version": {"metadata": metadata}}).encode()
        request = self._head("POST", "/models/deep/versions", len(body)) + body
        return lambda: self._ask(request)

    def large_lists(self) -> Callable[[], Coroutine[None, None, None]]:
        """List versions of some megabytes each."""
        head = self._head("GET", f"/models/{LARGE}/versions?limit=12", 0)
        return lambda: self._ask(head)

    def _head(self, method: str, path: str, length: int) -> bytes:
        given = f"Content-Type: application/json\r\nContent-Length: {length}\r\n" if length else ""
        return f"{method} /api/v1{path} HTTP/1.1\r\n{self._authorization}{given}\r\n".encode()

    async def _send(self, pieces: list[bytes]) -> None:
        try:
            _, writer = await self._connect()
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            writer.close()
        except OSError:
            return  # the server has ended the connection

    async def _ask(self, request: bytes) -> None:
        """Send a request, and read its answer."""
        try:
            reader, writer = await self._connect()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            self.answers[head[9:12].decode()] += 1
            left = _length(head)
            while left > 0 and (piece := await reader.read(min(left, _PIECE))):
                left -= len(piece)
            writer.close()
        except (OSError, asyncio.IncompleteReadError):
            self.answers["none"] += 1

    async def _trickle(self, head: bytes) -> None:
        try:
            reader, writer = await self._connect()
            writer.write(head)
            while not reader.at_eof():
                await writer.drain()
                await asyncio.sleep(_PAUSE_S)
                writer.write(b"x")
            writer.close()
        except OSError:
            return

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self._port, local_addr=(ADDRESS, 0))


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


async def _run(kind: str, attack: Attack) -> None:
    began = time.monotonic()
    task = asyncio.create_task(attack.run(kind))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await asyncio.wait({task})
    seconds = time.monotonic() - began - attack.full_s
    print(json.dumps({"begun": attack.begun, "seconds": seconds, "answers": attack.answers}))


if __name__ == "__main__":
    os.nice(_NICE)
    asyncio.run(_run(sys.argv[1], Attack(int(sys.argv[2]), sys.argv[3])))
