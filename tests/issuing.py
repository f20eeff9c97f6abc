"""A real issuer of tokens on this machine: discovery, keys, and what it signs."""

import json
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit
from uuid import uuid4

from joserfc import jws
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

AUDIENCE = "https://registry.example.com"
SHORT = 300


@dataclass
class Issuer:
    """Signs tokens and publishes its keys."""

    url: str = ""
    published: list[Any] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    # What it answers instead, by path.
    answers: dict[str, bytes] = field(default_factory=dict)
    status: int = 200
    # The forms that it got, and its answers to them by path.
    forms: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    posted: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    # The claims of a job that asks for its token.
    job: dict[str, Any] = field(default_factory=dict)
    goes_on: threading.Event = field(default_factory=threading.Event)
    key: Key = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "rsa"}))

    def __post_init__(self) -> None:
        """Publish the key, and answer at once until ``goes_on`` is cleared."""
        self.goes_on.set()
        self.publish(self.key)

    def publish(self, *keys: Key, **parameters: Any) -> None:
        """Publish further keys, with these parameters in the set."""
        self.published += [{**key.as_dict(private=False), **parameters} for key in keys]

    def rotate(self, kid: str) -> None:
        """Sign by a new key from now on, and publish it alone."""
        self.key = RSAKey.generate_key(2048, {"kid": kid})
        self.published.clear()
        self.publish(self.key)

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Return the claims of a valid token with changes; a claim of None is left out."""
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "ann",
            "iat": now,
            "exp": now + SHORT,
            "jti": uuid4().hex,
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(
        self,
        *,
        key: Key | None = None,
        header: dict[str, Any] | None = None,
        **changes: Any,
    ) -> str:
        """Return a signed token; a header of None is left out."""
        used = key or self.key
        head = {"alg": "RS256", "kid": used.kid, "typ": "at+jwt", **(header or {})}
        head = {name: value for name, value in head.items() if value is not None}
        return signed(head, self.claims(**changes), used)

    def paths(self) -> list[str]:
        """The last parts of the requested paths."""
        return [each.rpartition("/")[2] for each in self.requests]

    def answer(self, path: str) -> bytes:
        """Return the body for a path."""
        if path in self.answers:
            return self.answers[path]
        if path.startswith("/job?"):  # as GitHub gives a job its token
            (audience,) = parse_qs(urlsplit(path).query)["audience"]
            token = self.token(header={"typ": "JWT"}, aud=audience, **self.job)
            return json.dumps({"count": 1, "value": token}).encode()
        if path.endswith("openid-configuration"):
            return json.dumps({"issuer": self.url, "jwks_uri": f"{self.url}/keys"}).encode()
        return json.dumps({"keys": self.published}).encode()


def signed(header: dict[str, Any], claims: dict[str, Any], key: Key) -> str:
    """Return a token with exactly this header, by any algorithm of the library."""
    registry = JWSRegistry(algorithms=list(JWSRegistry.algorithms), strict_check_header=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names and keys that are tried on purpose
        return jws.serialize_compact(header, json.dumps(claims), key, registry=registry)


def ec_key(kid: str, curve: str = "P-256") -> Key:
    """Return a new key of a curve."""
    return ECKey.generate_key(curve, {"kid": kid})


def okp_key(kid: str) -> Key:
    """Return a new key of Ed25519."""
    return OKPKey.generate_key("Ed25519", {"kid": kid})


@contextmanager
def issuing() -> Iterator[Issuer]:
    """Give an issuer that listens on this machine."""
    issuer = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.requests.append(self.path)
            issuer.headers.append(dict(self.headers))
            issuer.goes_on.wait(30)
            self.send_response(issuer.status)
            self.end_headers()
            self.wfile.write(issuer.answer(self.path))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            issuer.forms.append((self.path, dict(parse_qsl(body))))
            status, answer = issuer.posted.get(self.path, (404, {}))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        issuer.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield issuer
        server.shutdown()
        thread.join()
