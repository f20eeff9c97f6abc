"""Read at a fixed rate, and report how late the answers are.

Run it as a separate process: ``python -m benchmarks._paced PORT SECONDS RATE < requests.json``. It
sends each request at its time over the next of many keep-alive connections, whether or not
earlier ones were answered, and counts the latency from that time: a server that stalls does not
slow the load down. It prints a JSON object.
"""

import asyncio
import json
import re
import sys
import time
from collections.abc import Sequence

_CONNECTIONS = 64
_SHARES = {"p50": 0.5, "p99": 0.99}
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Paced:
    """The latencies of requests that are sent at fixed times.

    Args:
        port: The server's.
        requests: They are sent in turn.
    """

    def __init__(self, port: int, requests: Sequence[bytes]) -> None:
        self.latencies: list[float] = []
        self.refused = b""
        self._port = port
        self._requests = requests
        self._idle: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = (
            asyncio.Queue()
        )

    async def run(self, seconds: float, rate: float) -> None:
        """Send requests at a rate, and wait for the last answer."""
        for _ in range(_CONNECTIONS):
            self._idle.put_nowait(await asyncio.open_connection("127.0.0.1", self._port))
        began = time.perf_counter()
        async with asyncio.TaskGroup() as sent:
            for number in range(int(seconds * rate)):
                due = began + number / rate
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                sent.create_task(self._exchange(number, due))

    async def _exchange(self, number: int, due: float) -> None:
        reader, writer = await self._idle.get()
        writer.write(self._requests[number % len(self._requests)])
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        body = await reader.readexactly(int(length[1]) if length else 0)
        self.latencies.append(time.perf_counter() - due)
        if int(head[9:12]) >= 400:
            self.refused = body
        self._idle.put_nowait((reader, writer))


def main() -> None:
    """Read the arguments, send, and report."""
    port, seconds, rate = sys.argv[1:]
    load = Paced(int(port), [each.encode() for each in json.load(sys.stdin)])
    asyncio.run(load.run(float(seconds), float(rate)))
    latencies = sorted(load.latencies)
    found = {name: latencies[int(len(latencies) * share)] for name, share in _SHARES.items()}
    print(json.dumps(found | {"refused": load.refused.decode(errors="replace")[:500]}))


if __name__ == "__main__":
    main()
