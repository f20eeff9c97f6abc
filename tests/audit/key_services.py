"""Servers of key services, which sign with real keys, and answer wrongly where a test wants it."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


class Request(NamedTuple):
    """A request as a key service receives it."""

    method: str
    path: str
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Reply(NamedTuple):
    """What a key service answers."""

    status: int
    body: bytes

    @classmethod
    def of(cls, status: int = 200, **values: object) -> "Reply":
        """Return a JSON object."""
        return cls(status, json.dumps(values).encode())


@contextmanager
def serving(answer: Callable[[Request], Reply]) -> Iterator[str]:
    """Serve on this machine what a function answers; yields the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, made = answer(Request(self.command, self.path, self.headers, body))
            self.send_response(status)
            self.send_header("Content-Length", str(len(made)))
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(made)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def new_key() -> Ed25519PrivateKey:
    """Return a new key."""
    return Ed25519PrivateKey.generate()
