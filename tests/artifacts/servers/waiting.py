"""Wait for a process: the one place of these tests that sleeps, always with a deadline."""

import socket
import time
from collections.abc import Callable


def wait_until(done: Callable[[], bool], what: str, *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} took more than {seconds} s")
        time.sleep(0.02)


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, all held at once so that they differ."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
