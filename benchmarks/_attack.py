"""Attack a server from one process, at a stated rate, until SIGTERM.

Run it as ``python -m benchmarks._attack KIND PORT SECRET``. It lowers its own priority to nice 19,
connects from another loopback address than honest clients, and prints at its end how many
connections it made.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine

ADDRESS = "127.0.0.2"

_NICE = 19
_HEADER_BYTES = 16 << 20
_HEADERS_PER_S = 20
_SLOW_HEADERS = 1100
_SLOW_BODIES = 160
_OPENED_PER_S = 200
_PAUSE_S = 1.0


class Attack:
    """One attack on a port.

    Args:
        port: The port.
        secret: The token of a contributor.
    """

    def __init__(self, port: int, secret: str) -> None:
        self.made = 0
        self._port = port
        self._secret = secret

    async def endless_headers(self) -> None:
        """Send 20 heads of 16 MiB per second, each of one header."""
        head = b"GET /livez HTTP/1.1\r\nX: " + b"x" * _HEADER_BYTES
        await self._repeat(_HEADERS_PER_S, _HEADERS_PER_S, lambda: self._send(head))

    async def slow_headers(self) -> None:
        """Keep 1,100 heads open that get a byte per second, and open 200 per second again."""
        head = b"GET /livez HTTP/1.1\r\nX: "
        await self._repeat(_OPENED_PER_S, _SLOW_HEADERS, lambda: self._trickle(head))

    async def slow_bodies(self) -> None:
        """Keep 160 bodies open that get a byte per second, and open 200 per second again."""
        head = (
            "POST /api/v1/models HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {self._secret}\r\nContent-Length: 4096\r\n\r\n"
        ).encode()
        await self._repeat(_OPENED_PER_S, _SLOW_BODIES, lambda: self._trickle(head))

    async def _repeat(
        self, rate: int, at_once: int, attempt: Callable[[], Coroutine[None, None, None]]
    ) -> None:
        """Begin attempts at a rate, and have at most a number of them in progress."""
        tasks: set[asyncio.Task[None]] = set()
        while True:
            tasks = {each for each in tasks if not each.done()}
            if len(tasks) < at_once:
                tasks.add(asyncio.create_task(attempt()))
            await asyncio.sleep(1 / rate)

    async def _send(self, data: bytes) -> None:
        try:
            _, writer = await self._connect()
            writer.write(data)
            await writer.drain()
            writer.close()
        except OSError:
            return  # the server has ended the connection

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
        self.made += 1
        return await asyncio.open_connection("127.0.0.1", self._port, local_addr=(ADDRESS, 0))


KINDS = ("endless_headers", "slow_headers", "slow_bodies")


async def _run(kind: str, attack: Attack) -> None:
    task = asyncio.create_task(getattr(attack, kind)())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await asyncio.wait({task})
    print(attack.made)


if __name__ == "__main__":
    os.nice(_NICE)
    asyncio.run(_run(sys.argv[1], Attack(int(sys.argv[2]), sys.argv[3])))
