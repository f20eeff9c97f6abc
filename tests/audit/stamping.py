"""A real authority of time stamps: `openssl ts`, with an HTTP server."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CONFIG = """
[tsa]
default_tsa = one
[one]
serial = {folder}/serial
signer_cert = {folder}/signer.pem
signer_key = {folder}/signer.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
ess_cert_id_alg = {essential}
accuracy = secs:1
ordering = yes
tsa_name = yes
clock_precision_digits = 3
{more}
[v3]
basicConstraints = critical, CA:FALSE
[req]
distinguished_name = dn
[dn]
"""
STAMPING = "extendedKeyUsage=critical,timeStamping"
EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
RSA = ("-newkey", "rsa:2048")


class TimeAuthority:
    """An authority with a root of its own, made by two commands of `openssl`.

    Args:
        folder: Where its files are.
        key: What key the signer has.
        purpose: The purpose of its certificate.
        essential: The hash by which a stamp names the certificate.
        with_root: Send the root too, as some authorities do.
    """

    def __init__(
        self,
        folder: Path,
        key: tuple[str, ...] = EC,
        purpose: str = STAMPING,
        essential: str = "sha256",
        with_root: bool = False,
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.roots = folder / "root.pem"
        more = f"certs = {self.roots}" if with_root else ""
        config = CONFIG.format(folder=folder, essential=essential, more=more)
        (folder / "tsa.cnf").write_text(config)
        root, signer = folder / "root.key", folder / "signer.key"
        common = ("req", "-x509", "-nodes", "-days", "3650", "-config", f"{folder}/tsa.cnf")
        self._openssl(
            *common, *EC, "-keyout", root, "-out", self.roots, "-subj", "/CN=a root",
            "-addext", "basicConstraints=critical,CA:TRUE",
        )  # fmt: skip
        self._openssl(
            *common, *key, "-keyout", signer, "-out", folder / "signer.pem",
            "-subj", "/CN=a clock", "-CA", self.roots, "-CAkey", root,
            "-addext", "basicConstraints=critical,CA:FALSE", "-addext", purpose,
        )  # fmt: skip

    def reply(self, request: bytes) -> bytes:
        """Return the reply to a request."""
        asked, made = self.folder / "asked.tsq", self.folder / "made.tsr"
        asked.write_bytes(request)
        self._openssl(
            "ts", "-reply", "-config", self.folder / "tsa.cnf", "-queryfile", asked, "-out", made
        )
        return made.read_bytes()

    def agrees(self, content: bytes, reply: bytes) -> bool:
        """Return whether `openssl ts -verify` accepts a reply for some bytes."""
        data, kept = self.folder / "data", self.folder / "kept.tsr"
        data.write_bytes(content)
        kept.write_bytes(reply)
        command = ["ts", "-verify", "-data", data, "-in", kept, "-CAfile", self.roots]
        return self._openssl(*command, check=False) == 0

    def _openssl(self, *words: object, check: bool = True) -> int:
        done = subprocess.run(
            ["openssl", *map(str, words)], capture_output=True, check=False, cwd=self.folder
        )
        assert not check or done.returncode == 0, done.stderr.decode()
        return done.returncode


@dataclass
class Stamping:
    """A served authority, and what it answers instead."""

    authority: TimeAuthority
    url: str = ""
    requests: list[bytes] = field(default_factory=list)
    status: int = 200
    answer: bytes | None = None


@contextmanager
def stamping(authority: TimeAuthority) -> Iterator[Stamping]:
    """Serve an authority on this machine."""
    served, guard = Stamping(authority), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == "application/timestamp-query"
            request = self.rfile.read(int(self.headers["Content-Length"]))
            with guard:
                served.requests.append(request)
                made = authority.reply(request) if served.answer is None else served.answer
            self.send_response(served.status)
            self.send_header("Content-Length", str(len(made)))
            self.end_headers()
            self.wfile.write(made)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served.url = f"http://127.0.0.1:{server.server_port}/tsr"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield served
        server.shutdown()
        thread.join()
