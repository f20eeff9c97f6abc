"""Keys of Vault's transit engine sign the log; what it answers wrongly is a typed error."""

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pedigree.audit.key_history import known_keys
from pedigree.audit.sealer import Sealer, checkpoint_over
from pedigree.audit.vault_keys import VaultKeys
from pedigree.audit.verifier.notes import LogKey, open_checkpoint
from pedigree.errors import LogKeyError, UnavailableError
from pedigree.postgres.database import Database
from tests.audit.sealing import ACTOR, add_events, require_sealed

TOKEN = "hvs.secret"


@dataclass
class Transit:
    """A transit engine with one key, as Vault answers for it."""

    url: str = ""
    versions: list[Ed25519PrivateKey] = field(default_factory=lambda: [new_key()])
    least: int = 1
    kind: str = "ed25519"
    requests: list[str] = field(default_factory=list)
    # What it answers instead, by method.
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)

    def about(self) -> dict[str, Any]:
        """The answer about the key."""
        keys = {
            str(number): {"public_key": encoded(key.public_key().public_bytes_raw())}
            for number, key in enumerate(self.versions, 1)
        }
        return {"type": self.kind, "keys": keys, "min_decryption_version": self.least}

    def sign(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The answer with a signature."""
        number = asked["key_version"]
        made = self.versions[number - 1].sign(base64.b64decode(asked["input"]))
        return {"signature": f"vault:v{number}:{encoded(made)}"}


def new_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.fixture
def transit(monkeypatch: pytest.MonkeyPatch) -> Iterator[Transit]:
    engine = Transit()
    monkeypatch.setenv("VAULT_TOKEN", TOKEN)
    monkeypatch.delenv("VAULT_TOKEN_FILE", raising=False)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("/v1/transit/keys/log", lambda _: engine.about())

        def do_POST(self) -> None:
            self._answer("/v1/transit/sign/log", engine.sign)

        def _answer(self, path: str, make: Any) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            engine.requests.append(f"{self.command} {self.path}")
            status, made = 403, b'{"errors":["permission denied"]}'
            if self.headers["X-Vault-Token"] == TOKEN and self.path == path:
                status = 200
                made = json.dumps({"data": make(json.loads(body or "{}"))}).encode()
            status, made = engine.answers.get(self.command, (status, made))
            self.send_response(status)
            self.send_header("Content-Length", str(len(made)))
            self.end_headers()
            self.wfile.write(made)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        engine.url = f"http://127.0.0.1:{server.server_port}/v1/transit/log"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield engine
        server.shutdown()
        thread.join()


def test_all_versions_of_a_key_sign_until_the_least_one_is_raised(
    transit: Transit, database: Database
) -> None:
    sealer = Sealer(database, VaultKeys(transit.url), ACTOR)
    signed = []
    for step in ("one", "two", "newest"):
        if step == "two":
            transit.versions.append(new_key())
        if step == "newest":
            transit.least = 2
        add_events(database, 2)
        assert sealer.seal() == 1
        note = database.read(checkpoint_over).note
        signed.append(note.count("\N{EM DASH}"))
    assert signed == [1, 2, 1]
    newest = LogKey.parse(database.read(known_keys)[0].key)
    assert newest.public == transit.versions[1].public_key().public_bytes_raw()
    assert open_checkpoint(note, [newest])
    require_sealed(database)


def signed_by(key: Ed25519PrivateKey, number: int) -> bytes:
    return json.dumps(
        {"data": {"signature": f"vault:v{number}:{encoded(key.sign(b'x'))}"}}
    ).encode()


def test_what_vault_answers_wrongly_is_a_typed_error(transit: Transit, database: Database) -> None:
    add_events(database, 1)
    sealer = Sealer(database, VaultKeys(transit.url), ACTOR)
    lies = [
        ("GET", (403, b"secret text"), "status 403"),
        ("GET", (302, b""), "status 302"),
        ("GET", (200, b"hello"), "something else"),
        ("GET", (200, b'{"data": 7}'), "something else"),
        ("GET", (200, b'{"data": {"type": "rsa-2048", "keys": {}}}'), "not an Ed25519 key"),
        ("GET", (200, b'{"data": {"type": "ed25519", "keys": {"1": {}}}}'), "something else"),
        ("GET", (200, b" " * (300 << 10)), "something else"),
        ("POST", (500, b"secret text"), "status 500"),
        ("POST", (200, b'{"data": {"signature": "vault:v1:AAAA"}}'), "something else"),
        ("POST", (200, signed_by(new_key(), 2)), "something else"),
        ("POST", (200, signed_by(new_key(), 1)), "not one of the key"),
    ]
    for method, answer, problem in lies:
        transit.answers = {method: answer}
        with pytest.raises(LogKeyError, match=problem) as refused:
            sealer.seal()
        assert "secret" not in str(refused.value)
    assert database.read(checkpoint_over) is None


def test_a_vault_that_does_not_answer_is_unavailable(database: Database, transit: Transit) -> None:
    add_events(database, 1)
    with pytest.raises(UnavailableError, match="Vault does not answer") as refused:
        Sealer(database, VaultKeys("http://127.0.0.1:1/v1/transit/log"), ACTOR).seal()
    assert TOKEN not in str(refused.value)


@pytest.mark.parametrize(
    "place", ["", "log", "https://vault.example", "ftp://vault.example/v1/transit/log", "/a/b",
              "https://ann:secret@vault.example/v1/transit/log"],
)  # fmt: skip
def test_a_place_that_is_not_an_engine_is_refused(place: str) -> None:
    with pytest.raises(LogKeyError) as refused:
        VaultKeys(place)
    assert "secret" not in str(refused.value)


def test_the_token_is_read_from_its_file_at_each_use(
    transit: Transit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = VaultKeys(transit.url)
    monkeypatch.setenv("VAULT_TOKEN_FILE", str(tmp_path / "token"))
    with pytest.raises(LogKeyError, match="VAULT_TOKEN_FILE"):
        keys.signers(None)
    for token, is_right in (("wrong", False), (f"{TOKEN}\n", True)):
        (tmp_path / "token").write_text(token)
        if is_right:
            assert len(keys.signers(None)) == 1
        else:
            with pytest.raises(LogKeyError, match="status 403"):
                keys.signers(None)
    monkeypatch.delenv("VAULT_TOKEN_FILE")
    monkeypatch.setenv("VAULT_TOKEN", " ")
    with pytest.raises(LogKeyError, match="no token"):
        keys.signers(None)
