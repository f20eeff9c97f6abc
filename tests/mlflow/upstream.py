"""A tracking server for tests: it notes what it is asked, and answers what a test wants.

Run as a program, it prints its URL and can be killed.
"""

import hashlib
import json
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PIECE = b"0123456789abcdef" * 4096


@dataclass
class Asked:
    """A request that the tracking server got."""

    method: str
    target: str
    headers: Mapping[str, str]
    size: int
    digest: str


@dataclass
class Upstream:
    """A running tracking server."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    body: bytes = b"{}"
    pieces: int = 0
    """How many pieces of 64 KiB an answer has instead of the body."""
    ends_early: bool = False
    """The connection ends in the middle of the pieces."""


def handler(upstream: Upstream) -> type[BaseHTTPRequestHandler]:
    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            size, digest = self._received()
            headers = {name.lower(): value for name, value in self.headers.items()}
            upstream.asked.append(Asked(self.command, self.path, headers, size, digest))
            self.send_response(upstream.status)
            for name, value in upstream.headers.items():
                self.send_header(name, value)
            length = len(PIECE) * upstream.pieces if upstream.pieces else len(upstream.body)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            if not upstream.pieces:
                self.wfile.write(upstream.body)
            for number in range(upstream.pieces):
                if upstream.ends_early and number > upstream.pieces // 2:
                    self.close_connection = True
                    return
                self.wfile.write(PIECE)

        def _received(self) -> tuple[int, str]:
            sha256, size = hashlib.sha256(), 0
            for piece in self._body():
                sha256.update(piece)
                size += len(piece)
            return size, sha256.hexdigest()

        def _body(self) -> Iterator[bytes]:
            left = int(self.headers.get("Content-Length", 0))
            while left:
                piece = self.rfile.read(min(left, 1 << 16))
                left -= len(piece)
                yield piece
            if self.headers.get("Transfer-Encoding") == "chunked":
                while length := int(self.rfile.readline(), 16):
                    yield self.rfile.read(length)
                    self.rfile.readline()
                self.rfile.readline()

        def log_message(self, *_: object) -> None:
            pass

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        setattr(Answering, f"do_{method}", Answering.answer)
    return Answering


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that goes away is what some tests want."""


@contextmanager
def tracking() -> Iterator[Upstream]:
    """Run a tracking server in a thread."""
    upstream = Upstream()
    server = _Server(("127.0.0.1", 0), handler(upstream))
    upstream.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield upstream
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main() -> None:
    """Serve answers of many pieces until killed."""
    upstream = Upstream(pieces=int(sys.argv[1]))
    server = _Server(("127.0.0.1", 0), handler(upstream))
    print(json.dumps(f"http://127.0.0.1:{server.server_port}"), flush=True)  # noqa: T201
    server.serve_forever()


if __name__ == "__main__":
    main()
