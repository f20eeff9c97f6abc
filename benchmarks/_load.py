"""Load a server over HTTP keep-alive connections, and report the exchanges per second.

Run it as a separate process, so that it does not use the server's interpreter:
``python -m benchmarks._load PORT SECONDS CONNECTIONS < exchanges.json``. It reads a list of
exchanges, each a list of request texts that are sent one after the other's response; it sends
them in turn, and prints a JSON object.

One thread waits for all connections at once, which is cheaper than a thread per connection.
"""

import json
import re
import selectors
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_AT_ONCE = 1 << 18


@dataclass
class Connection:
    """One connection: its current exchange, and the received part of the response."""

    socket: socket.socket
    exchange: Iterator[bytes] = field(default_factory=lambda: iter(()))
    began: float = 0.0
    received: bytes = b""
    awaited: int | None = None

    def send_next(self) -> bool:
        """Send the exchange's next request; return whether there was one."""
        request = next(self.exchange, None)
        if request is None:
            return False
        self.received, self.awaited = b"", None
        self.socket.sendall(request)
        return True

    def receive(self) -> int | None:
        """Receive data; return the status once the response is complete."""
        piece = self.socket.recv(_AT_ONCE)
        if not piece:
            raise SystemExit(f"the server closed the connection after {self.received[:200]!r}")
        self.received += piece
        if self.awaited is None:
            self.awaited = _length(self.received)
        if self.awaited is None or len(self.received) < self.awaited:
            return None
        return int(self.received[9:12])


def _length(received: bytes) -> int | None:
    """Return the length of a response with its header; None while the header is incomplete."""
    head = received.find(b"\r\n\r\n")
    if head < 0:
        return None
    stated = _LENGTH.search(received, 0, head)
    return head + 4 + (int(stated[1]) if stated else 0)


class Load:
    """The results: the durations of the exchanges, and the counts of the statuses."""

    def __init__(self, exchanges: Sequence[Sequence[bytes]]) -> None:
        self.latencies: list[float] = []
        self.statuses: set[int] = set()
        self.refused = b""
        self._exchanges = exchanges
        self._begun = 0

    def begin(self, connection: Connection) -> None:
        """Start the next exchange on a connection."""
        connection.exchange = iter(self._exchanges[self._begun % len(self._exchanges)])
        self._begun += 1
        connection.began = time.perf_counter()
        connection.send_next()

    def go_on(self, connection: Connection) -> bool:
        """Receive data on a connection; return whether its exchange has ended."""
        status = connection.receive()
        if status is None:
            return False
        self.statuses.add(status)
        if status >= 400:
            self.refused = connection.received
        if connection.send_next():
            return False
        self.latencies.append(time.perf_counter() - connection.began)
        return True


def drive(
    port: int, seconds: float, connections: int, exchanges: Sequence[Sequence[bytes]]
) -> dict[str, Any]:
    """Do exchanges over a number of connections for a number of seconds."""
    load, waiting = Load(exchanges), selectors.DefaultSelector()
    began = time.perf_counter()
    for _ in range(connections):
        opened = socket.create_connection(("127.0.0.1", port))
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(opened)
        waiting.register(opened, selectors.EVENT_READ, connection)
        load.begin(connection)
    while waiting.get_map():
        for key, _ in waiting.select():
            if load.go_on(key.data):
                if time.perf_counter() - began < seconds:
                    load.begin(key.data)
                else:  # exchanges in progress are completed, and count
                    waiting.unregister(key.fileobj)
                    key.data.socket.close()
    return _summary(load, time.perf_counter() - began)


def _summary(load: Load, seconds: float) -> dict[str, Any]:
    latencies = sorted(load.latencies)
    return {
        "rate": len(latencies) / seconds,
        "done": len(latencies),
        "p50": latencies[len(latencies) // 2],
        "p95": latencies[int(len(latencies) * 0.95)],
        "p99": latencies[int(len(latencies) * 0.99)],
        "statuses": sorted(load.statuses),
        "refused": load.refused.decode(errors="replace")[:2000],
    }


if __name__ == "__main__":
    port, seconds, connections = sys.argv[1:]
    given = [[request.encode() for request in exchange] for exchange in json.load(sys.stdin)]
    print(json.dumps(drive(int(port), float(seconds), int(connections), given)))
