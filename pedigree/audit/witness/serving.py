"""The HTTP server of a witness: two routes, with bounds for slow and large requests."""

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pedigree.audit.witness.judgement import TEXT, Witness, WitnessAnswer
from pedigree.errors import InvalidInputError, PedigreeError

_LOG = logging.getLogger(__name__)
# A proof of 63 hashes and a note of 64 signatures have less.
_LARGEST_BODY = 64 << 10
_MOST_CONNECTIONS = 64
_CONNECTION_S = 30.0
_ADD = "/add-checkpoint"


class WitnessServer(ThreadingHTTPServer):
    """Serves one witness.

    Args:
        witness: The witness.
        host: The address to listen on.
        port: The port; any free one if 0.

    Raises:
        InvalidInputError: The address cannot be used.
    """

    daemon_threads = True
    request_queue_size = _MOST_CONNECTIONS
    # A restarted witness listens at once again.
    allow_reuse_address = True

    def __init__(self, witness: Witness, host: str, port: int) -> None:
        self.witness = witness
        self._places = threading.BoundedSemaphore(_MOST_CONNECTIONS)
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            super().__init__((host, port), _Handler)
        except OSError as error:
            raise InvalidInputError(
                f"cannot listen: {error.strerror}", field="--host", value=f"{host}:{port}"
            ) from error

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self.server_address[:2]
        shown = host.decode() if isinstance(host, bytes | bytearray) else str(host)
        return f"http://{f'[{shown}]' if ':' in shown else shown}:{port}"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Handle a connection in its own thread, or close it if there are too many."""
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Handle a connection, which is closed after a time, however slowly it sends."""
        try:
            with _closed_later(request):
                super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Log that a connection failed, which is the client's affair."""
        _LOG.debug("a connection failed", exc_info=True, extra={"action": "witness.disconnected"})


@contextmanager
def _closed_later(request: socket.socket) -> Iterator[None]:
    timer = threading.Timer(_CONNECTION_S, _shut, [request])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _shut(request: socket.socket) -> None:
    with suppress(OSError):  # the client was faster
        request.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    """Parses requests and writes answers; the witness decides."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "pedigree-witness", ""
    timeout = 10
    server: WitnessServer

    def do_POST(self) -> None:
        """Answer ``POST /add-checkpoint``."""
        if self.path != _ADD:
            self._refuse(404, "the only route is /add-checkpoint\n")
            return
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or "Transfer-Encoding" in self.headers:
            self._refuse(411, "the request has no length\n")
        elif len(length) > 9 or int(length) > _LARGEST_BODY:
            self._refuse(413, f"a request has at most {_LARGEST_BODY} bytes\n")
        else:
            self._write(self._add(self.rfile.read(int(length))))

    def do_GET(self) -> None:
        """Answer ``GET /HASH/checkpoint``."""
        head, _, last = self.path.removeprefix("/").partition("/")
        if last != "checkpoint":
            self._refuse(404, "the only route is /HASH/checkpoint\n")
            return
        self._write(self.server.witness.checkpoint(head))

    def log_message(self, *_: object) -> None:
        """Log nothing: the witness logs what it decides."""

    def _add(self, body: bytes) -> WitnessAnswer:
        try:
            return self.server.witness.add_checkpoint(body)
        except PedigreeError as error:
            _LOG.exception("cannot cosign", extra={"action": "witness.failed"})
            return WitnessAnswer(503, f"{type(error).__name__}: see the log of the witness\n")

    def _refuse(self, status: int, text: str) -> None:
        """Answer without reading the body, so the connection ends."""
        self.close_connection = True
        self._write(WitnessAnswer(status, text, TEXT))

    def _write(self, answer: WitnessAnswer) -> None:
        content = answer.text.encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)
