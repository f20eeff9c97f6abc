"""A witness of ours that is served, and one that answers as a test says."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pedigree.audit.verifier.cosignatures import WitnessKey
from pedigree.audit.verifier.notes import LogKey
from pedigree.audit.witness.judgement import Witness
from pedigree.audit.witness.serving import WitnessServer
from pedigree.audit.witness.state import WitnessState


@contextmanager
def witnessing(
    path: Path, *logs: LogKey, name: str = "witness.example/w1"
) -> Iterator[tuple[WitnessKey, str]]:
    """Serve a witness of some logs; give its key and URL."""
    with WitnessState(path, name) as state, WitnessServer(Witness(state, logs), "::1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield state.key, server.url
        server.shutdown()
        thread.join()


@dataclass
class Liar:
    """A witness that answers whatever a test says."""

    url: str = ""
    private: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    requests: list[str] = field(default_factory=list)
    answer: Callable[[str], tuple[int, bytes]] = lambda _: (500, b"")
    drips: threading.Event = field(default_factory=threading.Event)
    """While it is set, the answer comes byte by byte, and never ends."""
    ends: threading.Event = field(default_factory=threading.Event)

    @property
    def key(self) -> WitnessKey:
        """Its public key."""
        return WitnessKey("liar.example", self.private.public_key().public_bytes_raw())

    def cosign(self, request: str, at: int, key: WitnessKey | None = None) -> bytes:
        """Return its cosignature of the checkpoint in a request."""
        text = request.partition("\n\n")[2].rpartition("\n\n")[0] + "\n"
        return (key or self.key).cosign(self.private.sign, text, at).encode()


@contextmanager
def lying() -> Iterator[Liar]:
    """Serve a witness that answers as its ``answer`` says."""
    liar = Liar()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = self.rfile.read(int(self.headers["Content-Length"])).decode()
            liar.requests.append(request)
            status, body = liar.answer(request)
            self.send_response(status)
            self.end_headers()
            try:
                while liar.drips.is_set() and not liar.ends.wait(0.02):
                    self.wfile.write(b"x")
                self.wfile.write(body)
            except OSError:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        liar.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield liar
        liar.ends.set()
        server.shutdown()
        thread.join()
