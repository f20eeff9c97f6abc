"""A proxy in front of an S3 server that records each request and can break its response."""

import http.client
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit


class Fault(Enum):
    BUSY = "answer 503"
    RESET = "reset the connection in the middle of the body"
    WRONG_BYTES = "flip a bit of the body"
    LOST_REPLY = "do what was asked, and close without an answer"
    ARCHIVED = "answer as S3 does for an object in GLACIER"
    NOTHING = "say that it is done, and do nothing"
    GONE = "say that there is no such object"


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str]


class FaultyProxy:
    """Passes requests on; ``fault`` says what shall go wrong with each."""

    def __init__(self, endpoint: str) -> None:
        self.requests: list[Request] = []
        self.fault: Callable[[Request], Fault | None] = lambda _: None
        handler = type("Handler", (_Handler,), {"proxy": self, "upstream": urlsplit(endpoint)})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def break_all(self, fault: Fault, *methods: str) -> None:
        self.fault = lambda request: fault if request.method in methods else None

    def mend(self) -> None:
        self.fault = lambda _: None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: FaultyProxy
    upstream: Any

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers)
        self.proxy.requests.append(request)
        fault = self.proxy.fault(request)
        if fault is Fault.BUSY:
            self._answer(503, {}, b"<Error><Code>SlowDown</Code></Error>")
        elif fault is Fault.ARCHIVED:
            self._answer(403, {}, b"<Error><Code>InvalidObjectState</Code></Error>")
        elif fault is Fault.NOTHING:
            self._answer(200, {"ETag": '"d41d8cd98f00b204e9800998ecf8427e"'}, b"")
        elif fault is Fault.GONE:
            self._answer(404, {}, b"<Error><Code>NoSuchKey</Code></Error>")
        else:
            self._break(fault, *self._ask(body))

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815

    def _ask(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.upstream.hostname, self.upstream.port)
        try:
            connection.request(self.command, self.path, body, dict(self.headers.items()))
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def _break(
        self, fault: Fault | None, status: int, headers: dict[str, str], body: bytes
    ) -> None:
        if fault is Fault.LOST_REPLY:
            self._reset()
        elif fault is Fault.RESET:
            self._answer(status, headers, body, sent=len(body) // 2)
            self._reset()
        elif fault is Fault.WRONG_BYTES and body:
            middle = len(body) // 2
            self._answer(
                status, headers, body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]
            )
        else:
            self._answer(status, headers, body)

    def _answer(
        self, status: int, headers: dict[str, str], body: bytes, *, sent: int | None = None
    ) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        length = headers.get("Content-Length") if self.command == "HEAD" else str(len(body))
        self.send_header("Content-Length", length or "0")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:sent])
        self.wfile.flush()

    def _reset(self) -> None:
        # Zero seconds of lingering: the kernel sends RST.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def handle(self) -> None:
        try:
            super().handle()
        except (OSError, ValueError):  # we, or the client, closed the connection
            self.close_connection = True

    def finish(self) -> None:
        try:
            super().finish()
        except (OSError, ValueError):
            self.close_connection = True
