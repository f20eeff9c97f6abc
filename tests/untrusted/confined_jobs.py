"""Jobs of confined processes that do what a hostile file makes a parser do."""

import ctypes
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path


def answer(request: object) -> Iterator[object]:
    """Answer with the request and the environment."""
    yield request
    yield dict(os.environ)


def fill_memory(_: object) -> Iterator[str]:
    """Answer once, then allocate without end."""
    yield "before"
    held = []
    while True:
        held.append(bytearray(16 << 20))


def run_forever(_: object) -> Iterator[str]:
    """Answer once, then use the processor without end."""
    yield "before"
    while True:
        pass


def wait_forever(_: object) -> Iterator[str]:
    """Answer once, then wait without end."""
    yield "before"
    os.read(os.pipe()[0], 1)


def touch_and_wait(file: str) -> Iterator[str]:
    """Make an empty file, then wait without end."""
    Path(file).touch()
    yield from wait_forever(None)


def answer_forever(_: object) -> Iterator[str]:
    """Answer without end."""
    while True:
        yield "x" * 10_000


def answer_nonsense(_: object) -> Iterator[str]:
    """Write a line that is not an answer."""
    yield "before"
    os.write(1, b"[" * 100_000 + b"\n")


def crash(_: object) -> Iterator[str]:
    """Answer once, then read an address that does not exist."""
    yield "before"
    ctypes.string_at(0)


def raise_error(_: object) -> Iterator[str]:
    """Answer once, then fail."""
    yield "before"
    raise ValueError("no such opcode")


def reach_out(request: dict[str, object]) -> Iterator[dict[str, str]]:
    """Answer with what each way out of the process ends in."""
    port, file = int(str(request["port"])), Path(str(request["file"]))
    ways = {
        "network": lambda: socket.create_connection(("127.0.0.1", port), 5),
        "socket of the machine": lambda: socket.socket(socket.AF_UNIX),
        "program": lambda: subprocess.run(["/bin/true"], check=True),
        "file": lambda: file.write_bytes(b"x"),
    }
    yield {name: _tried(way) for name, way in ways.items()}


def _tried(way: object) -> str:
    try:
        way()  # type: ignore[operator]
    except OSError as error:
        return type(error).__name__
    return "possible"


def hold(fifo: str) -> Iterator[str]:
    """Answer when somebody opens a FIFO for writing."""
    with Path(fifo).open("rb"):
        yield "held"


def priority(_: object) -> Iterator[object]:
    """Answer with what the scheduler knows of this process."""
    yield {
        "niceness": os.nice(0),
        "session": os.getsid(0),
        "group": os.getpgrp(),
        "pid": os.getpid(),
    }
