"""HTTP by hand over a socket, for requests that no client library sends."""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

PATIENCE_S = 30.0

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


@dataclass
class RawAnswer:
    """An answer: its status, headers with names in lower case, and body; status 0 for none."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@contextmanager
def connected(url: str, host: str | None = None) -> Iterator[socket.socket]:
    """Connect to the server of a URL, from a loopback address if one is given."""
    parts = urlsplit(url)
    with socket.socket() as opened:
        opened.settimeout(PATIENCE_S)
        if host is not None:
            opened.bind((host, 0))
        opened.connect((parts.hostname, parts.port))
        yield opened


def send(opened: socket.socket, data: bytes) -> bool:
    """Send bytes; return whether the server took all of them."""
    try:
        opened.sendall(data)
    except OSError:
        return False
    return True


def answer(opened: socket.socket) -> RawAnswer:
    """Read one answer; its status is 0 if the server closes the connection without one."""
    received = b""
    with suppress(ConnectionError):
        while b"\r\n\r\n" not in received:
            piece = opened.recv(1 << 16)
            if not piece:
                return RawAnswer(0)
            received += piece
        head, _, body = received.partition(b"\r\n\r\n")
        stated = _LENGTH.search(head)
        while stated and len(body) < int(stated[1]):
            body += opened.recv(1 << 16)
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        return RawAnswer(int(first.split()[1]), headers, body)
    return RawAnswer(0)


def is_closed(opened: socket.socket) -> bool:
    """Wait until the server closes the connection; return False if it does not."""
    try:
        while opened.recv(1 << 16):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    return True


def request(method: str, path: str, *headers: str, body: bytes = b"") -> bytes:
    """Return the bytes of a request, with a header Host and the given lines."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body
