"""A real web server of files, and of MLflow's API of artifacts."""

import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

ROUTE = "/api/2.0/mlflow-artifacts/artifacts"


@dataclass
class FileServer:
    """Serves files by their paths, and lists the folders among MLflow's artifacts."""

    files: dict[str, bytes]
    url: str = ""
    asked: list[str] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    answers: dict[str, tuple[int, Mapping[str, str], bytes]] = field(default_factory=dict)
    """Answers to some paths with their queries, instead of files."""

    def answer(self, target: str) -> tuple[int, Mapping[str, str], bytes]:
        if target in self.answers:
            return self.answers[target]
        parts = urlsplit(target)
        if parts.path == ROUTE:
            return 200, {}, self._listed(parse_qs(parts.query).get("path", [""])[0])
        content = self.files.get(unquote(parts.path))
        return (404, {}, b"") if content is None else (200, {}, content)

    def _listed(self, folder: str) -> bytes:
        below = f"{ROUTE}/{folder}".rstrip("/") + "/"
        names: dict[str, dict[str, object]] = {}
        for path, content in sorted(self.files.items()):
            if path.startswith(below):
                name, *inner = path.removeprefix(below).split("/")
                size = {} if inner else {"file_size": len(content)}
                names[name] = {"path": name, "is_dir": bool(inner), **size}
        return json.dumps({"files": list(names.values())} if names else {}).encode()


@contextmanager
def serving(files: dict[str, bytes], tls: ssl.SSLContext | None = None) -> Iterator[FileServer]:
    """Serve files on loopback until the block ends."""
    served = FileServer(files)

    class Handler(BaseHTTPRequestHandler):
        def do_PATCH(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            served.answers.setdefault(self.path, (200, {}, b"{}"))
            self.do_GET()

        def do_GET(self) -> None:
            served.asked.append(self.path)
            served.authorizations.append(self.headers["Authorization"])
            status, headers, content = served.answer(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Say nothing of clients that leave."""

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    scheme, host = ("https", "localhost") if tls else ("http", "127.0.0.1")
    served.url = f"{scheme}://{host}:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
