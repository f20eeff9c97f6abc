"""A small TCP load balancer for the processes that ``/readyz`` reports as ready."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count

_HEALTH_EVERY_S = 0.2
_HEALTH_TIMEOUT_S = 1.0
_PIECE = 1 << 16


class Balancer:
    """Accepts connections on one port, and forwards each to one of several processes.

    Args:
        ports: The ports of the processes.
    """

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = ports
        self._ready: set[int] = set()
        self._turn = count()
        self._tasks: set[asyncio.Task[None]] = set()
        self.url = ""

    async def run(self, started: threading.Event, over: asyncio.Event) -> None:
        """Balance until the stop event is set."""
        looking = asyncio.create_task(self._look())
        server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        started.set()
        await over.wait()
        server.close()
        tasks = (looking, *self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _look(self) -> None:
        while True:
            for port in self._ports:
                is_ready = await _is_ready(port)
                (self._ready.add if is_ready else self._ready.discard)(port)
            await asyncio.sleep(_HEALTH_EVERY_S)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened = await self._open()
        if opened is None:
            writer.close()
            return
        theirs, ours = opened
        for source, target in ((reader, ours), (theirs, writer)):
            task = asyncio.create_task(_pump(source, target))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """Connect to a ready process; try the next one if its port has closed."""
        ready = sorted(self._ready)
        first = next(self._turn)
        for step in range(len(ready)):
            port = ready[(first + step) % len(ready)]
            with suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", port)
        return None


@contextmanager
def balancing(ports: Sequence[int]) -> Iterator[Balancer]:
    """Balance in a thread for the duration of a block."""
    balancer, started, over = Balancer(ports), threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(
        target=lambda: loop.run_until_complete(balancer.run(started, over)), daemon=True
    )
    thread.start()
    started.wait()
    yield balancer
    loop.call_soon_threadsafe(over.set)
    thread.join()
    loop.close()


async def _is_ready(port: int) -> bool:
    writer = None
    try:
        async with asyncio.timeout(_HEALTH_TIMEOUT_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /readyz HTTP/1.1\r\nHost: balancer\r\nConnection: close\r\n\r\n")
            return b" 200 " in await reader.readline()
    except (OSError, TimeoutError):
        return False
    finally:
        if writer is not None:
            writer.close()


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while piece := await source.read(_PIECE):
            target.write(piece)
            await target.drain()
    except OSError:
        pass  # one side closed the connection, so the other one closes too
    finally:
        target.close()
        with suppress(OSError):
            await target.wait_closed()
