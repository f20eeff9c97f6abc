"""A real receiver of webhooks on this machine."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from typing import Any

from standardwebhooks.webhooks import Webhook as Verifier

LOOPBACK = (ip_network("127.0.0.0/8"),)


@dataclass
class Received:
    """A request that came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def model(self) -> str | None:
        """The model that it is about."""
        model: str | None = json.loads(self.body)["data"].get("model")
        return model

    def content(self, secret: str) -> dict[str, Any]:
        """Return its content, if its signature is valid."""
        verified: dict[str, Any] = Verifier(secret).verify(self.body, self.headers)
        return verified


@dataclass
class Receiver:
    """Gives configured answers, and stores the received requests."""

    url: str = ""
    requests: list[Received] = field(default_factory=list)
    status: int = 200
    failing: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    answers: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        """Answer at once, until ``answers`` is cleared."""
        self.answers.set()

    def kinds(self) -> list[str]:
        """The types of the events that came, in the order in which they came."""
        return [json.loads(request.body)["type"] for request in self.requests]


@contextmanager
def receiving(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Give a receiver that listens; with a certificate for localhost by TLS."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            request = Received(self.path, dict(self.headers), body)
            receiver.requests.append(request)
            receiver.answers.wait(30)
            self.send_response(500 if request.model == receiver.failing else receiver.status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"what nobody shall see")

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Say nothing of senders that do not trust the certificate."""

    with Server(("127.0.0.1", 0), Handler) as server:
        receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
        if tls is not None:
            receiver.url = f"https://localhost:{server.server_port}/hook"
            server.socket = tls.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield receiver
        server.shutdown()
        thread.join()
