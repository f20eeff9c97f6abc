"""Failures between a client and its service: load, restarts, broken connections, versions."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import psycopg
import pytest

import pedigree
from pedigree.access.records import Role
from pedigree.artifacts.records import digest_of
from pedigree.audit.records import Actor
from pedigree.errors import (
    CorruptionError,
    InvalidArtifactError,
    InvalidInputError,
    NotAuthenticatedError,
    NotPermittedError,
    NotServedError,
    OutcomeUnknownError,
    PedigreeError,
    ServiceBusyError,
    ServiceUnavailableError,
    SlowRequestError,
)
from pedigree.registry import Registry
from pedigree.settings import Settings
from tests.artifacts.probes import contents
from tests.factories import artifact, new_version, register
from tests.server.conftest import Served

Answer = tuple[int, dict[str, str], bytes]

MODEL = {
    "name": "churn",
    "created_by": "ann",
    "created_at": "2026-03-01T12:00:00Z",
    "last_updated_at": "2026-03-01T12:00:00Z",
    "generation": 0,
    "latest_version": 0,
}
BUSY = {
    "type": "urn:pedigree:error:ServiceBusyError",
    "status": 429,
    "detail": "the service has too much to do. Try again in a second.",
    "fix": "Try again in a second",
}


class Flaky:
    """A server that gives its answers one after another; None closes the connection."""

    def __init__(self, answers: list[Answer | None]) -> None:
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        flaky = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                flaky.asked.append((self.command, self.path, dict(self.headers)))
                answer = answers.pop(0)
                if answer is None:
                    self.close_connection = True
                    return
                status, headers, body = answer
                self.send_response(status)
                for key, value in ({"Content-Length": str(len(body))} | headers).items():
                    self.send_header(key, value)
                self.end_headers()
                self.wfile.write(body)
                self.close_connection = "Content-Length" in headers

            do_GET = do_POST = do_PUT = _answer  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def flaky(tmp_path: Path) -> Iterator[Callable[..., tuple[Flaky, Registry]]]:
    """Start a server with some answers, and a client of it."""
    made: list[tuple[Flaky, Registry]] = []

    def make(
        *answers: Answer | None, retries: int = 5, deadline: float = 60
    ) -> tuple[Flaky, Registry]:
        server = Flaky([*answers])
        settings = Settings(home=tmp_path / "flaky")
        patience = {"timeout": 5, "retries": retries, "deadline": deadline}
        registry = pedigree.connect(server.url, token="pdg_x", settings=settings, **patience)
        made.append((server, registry))
        return made[-1]

    yield make
    for server, registry in made:
        registry.close()
        server.server.shutdown()
        server.server.server_close()


def ok(document: object) -> Answer:
    return 200, {}, json.dumps(document).encode()


def busy(after: str = "0") -> Answer:
    return 429, {"Retry-After": after}, json.dumps(BUSY).encode()


def slow() -> Answer:
    problem = {
        "type": "urn:pedigree:error:SlowRequestError",
        "detail": "the body did not arrive in time",
    }
    return 408, {}, json.dumps(problem).encode()


def at_work() -> Answer:
    problem = {
        "type": "urn:pedigree:error:RequestInFlightError",
        "detail": "a request with this key is in progress",
    }
    return 409, {}, json.dumps(problem).encode()


def test_a_request_is_retried_after_load_or_a_lost_connection(
    flaky: Callable[..., tuple[Flaky, Registry]],
) -> None:
    gateway = (502, {}, b"<html>bad gateway</html>")
    server, registry = flaky(busy(), None, gateway, slow(), ok(MODEL))
    assert registry.model("churn").name == "churn"
    assert [path for _, path, _ in server.asked] == ["/api/v1/models/churn"] * 5


def test_a_request_that_did_not_arrive_in_time_is_sent_again_and_not_of_unknown_outcome(
    flaky: Callable[..., tuple[Flaky, Registry]],
) -> None:
    server, registry = flaky(slow(), ok(MODEL))
    assert registry.create_model("churn").name == "churn"
    keys = [headers["Idempotency-Key"] for _, _, headers in server.asked]
    assert len(keys) == 2
    assert keys[0] == keys[1]
    _, registry = flaky(slow(), retries=0)
    with pytest.raises(SlowRequestError, match="did not arrive in time"):
        registry.create_model("churn")
    # That of a proxy may have reached the service.
    _, registry = flaky((408, {}, b"<html>timeout</html>"), retries=0)
    with pytest.raises(OutcomeUnknownError, match="may be done"):
        registry.create_model("churn")


def test_a_retried_write_has_the_same_key(
    flaky: Callable[..., tuple[Flaky, Registry]],
) -> None:
    server, registry = flaky(None, at_work(), ok(MODEL), ok(MODEL))
    registry.create_model("churn")
    registry.create_model("churn")
    keys = [headers["Idempotency-Key"] for _, _, headers in server.asked]
    assert keys[0] == keys[1] == keys[2] != keys[3]


def test_the_last_failure_is_raised_when_no_retry_is_left(
    flaky: Callable[..., tuple[Flaky, Registry]],
) -> None:
    server, registry = flaky(busy(), busy(), retries=1)
    with pytest.raises(ServiceBusyError, match=r"too much to do\. Try again"):
        registry.model("churn")
    assert len(server.asked) == 2
    for too_long in ("3600", "Fri, 31 Dec 2100 23:59:59 GMT"):
        _, registry = flaky(busy(too_long))
        with pytest.raises(ServiceBusyError):
            registry.model("churn")
    server, registry = flaky(None, retries=0)
    with pytest.raises(ServiceUnavailableError, match="no answer") as caught:
        registry.model("churn")
    assert caught.value.value == server.url


def test_a_request_at_work_is_waited_for_beyond_the_retries(
    flaky: Callable[..., tuple[Flaky, Registry]],
) -> None:
    server, registry = flaky(*[at_work()] * 4, ok(MODEL), retries=0)
    assert registry.create_model("churn").name == "churn"
    assert len({headers["Idempotency-Key"] for _, _, headers in server.asked}) == 1


@pytest.mark.parametrize(
    ("answers", "retries", "deadline"),
    [
        ([at_work()] * 40, 5, 0.5),
        ([None, None], 1, 60),
        ([(502, {}, b"bad gateway"), (504, {}, b"timeout")], 1, 60),
        ([None, busy()], 1, 60),
    ],
)
def test_the_outcome_of_a_write_that_is_given_up_is_unknown(
    answers: list[Answer | None],
    retries: int,
    deadline: float,
    flaky: Callable[..., tuple[Flaky, Registry]],
) -> None:
    _, registry = flaky(*answers, retries=retries, deadline=deadline)
    with pytest.raises(OutcomeUnknownError, match="may be done") as caught:
        registry.create_model("churn")
    assert "POST /api/v1/models" in str(caught.value)
    assert caught.value.remedy


def test_a_write_that_was_refused_or_never_sent_is_not_unknown(
    flaky: Callable[..., tuple[Flaky, Registry]], tmp_path: Path
) -> None:
    _, registry = flaky(busy(), busy(), retries=1)
    with pytest.raises(ServiceBusyError):
        registry.create_model("churn")
    _, registry = flaky(None, retries=0)
    with pytest.raises(ServiceUnavailableError) as caught:
        registry.model("churn")  # a read has no outcome
    assert type(caught.value) is ServiceUnavailableError
    settings = Settings(home=tmp_path / "home")
    with pedigree.connect("http://127.0.0.1:9", retries=0, settings=settings) as nowhere:
        with pytest.raises(ServiceUnavailableError) as caught:
            nowhere.create_model("churn")
        assert type(caught.value) is ServiceUnavailableError


def test_a_service_that_works_longer_than_all_retries_is_waited_for(
    connect: Callable[..., Registry], settings: Settings, name: str
) -> None:
    registry = connect(timeout=0.2, retries=1)
    registry.create_model(name)
    answers: list[int] = []
    with psycopg.connect(str(settings.database_url)) as blocker:
        lock = "SELECT 1 FROM pedigree.registered_model WHERE name = %s FOR UPDATE"
        blocker.execute(lock, [name])

        def count(answer: Any) -> None:
            answers.append(answer.status_code)
            if answers.count(409) == 4:
                blocker.rollback()

        client = registry.operations.models._service.connection._client  # type: ignore[attr-defined]
        client.event_hooks["response"] = [count]
        assert registry.update_model(name, description="patient").description == "patient"
    assert answers.count(409) >= 4


def test_a_refusal_is_not_retried(flaky: Callable[..., tuple[Flaky, Registry]]) -> None:
    _, registry = flaky((404, {}, b'{"detail": "Not Found"}'), (403, {}, b"go away"))
    with pytest.raises(NotServedError, match="404"):
        registry.model("churn")
    with pytest.raises(PedigreeError, match="403"):
        registry.model("churn")


def test_fields_of_a_newer_service_are_ignored(
    flaky: Callable[..., tuple[Flaky, Registry]],
) -> None:
    _, registry = flaky(ok({**MODEL, "colour": "blue"}), ok({"items": [{**MODEL, "x": 1}], "y": 2}))
    assert registry.model("churn").name == "churn"
    assert [each.name for each in registry.models()] == ["churn"]
    future = {"type": "urn:pedigree:error:FutureError", "detail": "something new"}
    _, registry = flaky((409, {}, json.dumps(future).encode()))
    with pytest.raises(PedigreeError, match="something new"):
        registry.model("churn")


def test_a_download_resumes_where_the_connection_was_lost(
    flaky: Callable[..., tuple[Flaky, Registry]], served: Served, tmp_path: Path, name: str
) -> None:
    content = b"0123456789"
    version = _as_json(served, register(served.registry, tmp_path, content.decode(), name))
    manifest = served.registry.manifest(f"{name}/1").model_dump(mode="json")
    half = (200, {"Content-Length": "10"}, content[:4])
    rest = (206, {}, content[4:])
    server, registry = flaky(ok(version), ok(manifest), half, None, rest)
    registry.pull(f"{name}/1", tmp_path / "there")
    assert (tmp_path / "there" / "model.bin").read_bytes() == content
    assert [headers.get("Range") for _, _, headers in server.asked[2:]] == [
        *(None, "bytes=4-", "bytes=4-"),
    ]


def test_other_bytes_than_those_of_the_digest_are_refused(
    flaky: Callable[..., tuple[Flaky, Registry]], served: Served, tmp_path: Path, name: str
) -> None:
    version = _as_json(served, register(served.registry, tmp_path, "weights", name))
    manifest = served.registry.manifest(f"{name}/1").model_dump(mode="json")
    wrong = (200, {}, b"WEIGHTS")
    _, registry = flaky(*[ok(version), ok(manifest), wrong, ok(version), ok(manifest)] * 2)
    with pytest.raises(CorruptionError):
        registry.pull(f"{name}/1", tmp_path / "there")
    assert not (tmp_path / "there" / "model.bin").exists()


def _as_json(served: Served, reference: str) -> dict[str, Any]:
    return served.registry.get(reference).model_dump(mode="json")


def test_an_interrupted_pull_resumes(
    connect: Callable[..., Registry], served: Served, tmp_path: Path, name: str
) -> None:
    folder = artifact(tmp_path / "model", "x" * (3 << 20))
    served.registry.register(name, folder, new_version())
    registry, there = connect(Role.READER), tmp_path / "there"
    seen: list[int] = []

    def stop(done: int, _: int) -> None:
        seen.append(done)
        if done > 1 << 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        registry.pull(f"{name}/1", there, progress=stop)
    assert not (there / "model.bin").exists()
    registry.pull(f"{name}/1", there, progress=lambda done, _: seen.append(done))
    assert digest_of((there / "model.bin").read_bytes()) == digest_of(b"x" * (3 << 20))
    assert [*contents(there)] == ["model.bin"]


@pytest.mark.parametrize("size", [100_000, 5 << 20])
def test_bytes_that_the_registry_has_are_not_sent_again(
    connect: Callable[..., Registry], tmp_path: Path, name: str, size: int
) -> None:
    registry = connect(Role.CONTRIBUTOR)
    progressed: list[tuple[int, int]] = []
    folder = artifact(tmp_path / "model", name.ljust(size, "w"))
    registry.register(name, folder, new_version(), progress=lambda *each: progressed.append(each))
    assert progressed[-1] == (2 * size, 2 * size)
    progressed.clear()
    registry.register(
        f"{name}-b", folder, new_version(), progress=lambda *each: progressed.append(each)
    )
    assert progressed[-1] == (size, size)
    assert registry.get(f"{name}/1").digest == registry.get(f"{name}-b/1").digest


def test_a_token_acts_as_its_principal_within_its_roles(
    connect: Callable[..., Registry], served: Served, tmp_path: Path, name: str
) -> None:
    maker = connect(Role.CONTRIBUTOR, principal="ci@churn")
    done = maker.register(name, artifact(tmp_path / "model"), new_version())
    assert (done.version.created_by, done.version.created_by_source) == ("ci@churn", "token")
    assert maker.get(f"{name}/1").stage == "candidate"
    with pytest.raises(NotPermittedError):
        maker.promote(f"{name}/1", "staging")
    with pytest.raises(NotServedError, match="Connect with a token"):
        maker.promote(f"{name}/1", "staging", actor=Actor(name="ann", source="caller"))
    assert not hasattr(maker.operations.promotions, "evaluate_candidates")
    with pytest.raises(AttributeError, match="nonsense"):
        maker.nonsense  # noqa: B018
    settings = Settings(home=tmp_path / "home")
    nobody = pedigree.connect(served.url, token="pdg_forged", settings=settings)
    with nobody, pytest.raises(NotAuthenticatedError, match="pedigree token create"):
        nobody.models()


def test_a_file_that_changes_while_it_is_sent_is_refused(
    connect: Callable[..., Registry], tmp_path: Path, name: str
) -> None:
    folder = artifact(tmp_path / "model")

    def change(done: int, expected: int) -> None:
        if done == expected:
            (folder / "model.bin").write_text("other weights")

    with pytest.raises(InvalidArtifactError, match="changed"):
        connect().register(name, folder, new_version(), progress=change)


def test_connect_uses_the_settings(
    served: Served, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = served.registry.create_token("ann", roles=[Role.READER]).secret
    monkeypatch.setenv("PEDIGREE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PEDIGREE_API_URL", f"{served.url}/")
    monkeypatch.setenv("PEDIGREE_TOKEN", secret)
    with pedigree.connect() as registry:
        found, expected = registry.stats(), served.registry.stats()
    # What is stored may differ: the service draws cards meanwhile.
    kept = {"models", "versions", "artifacts", "files", "logical_bytes"}
    assert found.model_dump(include=kept) == expected.model_dump(include=kept)
    assert secret not in repr(Settings())
    assert settings.database_url is not None
    with pedigree.connect(settings.database_url) as registry:
        assert isinstance(registry, Registry)
        assert registry.operations.tokens.has_tokens()
    with pytest.raises(InvalidInputError):
        pedigree.connect("ftp://somewhere")


BARE = """
import sys
from importlib.metadata import requires

class Absent:
    names = {names}

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name.partition(".")[0])

sys.meta_path.insert(0, Absent())
import pedigree

with pedigree.connect({url!r}, token={token!r}) as registry:
    from tests.factories import new_version
    done = registry.register({name!r}, {path!r}, new_version())
    registry.pull(done.version.reference, {path!r} + "-there")
    print(registry.get(done.version.reference).stage)
    for verb in ("models", "stats", "events", "quarantines"):
        getattr(registry, verb)()
try:
    pedigree.connect()
except pedigree.PedigreeError as error:
    print(type(error).__name__, error.remedy)

from pedigree.cli.main import main

for words in (
    ("models",), ("show", {name!r} + "/1"), ("search", "stage = 'candidate'"), ("events",),
    ("snippets", {name!r} + "/1"), ("explain", {name!r} + "/1", "--to", "staging"),
    ("checks",), ("compare", {name!r} + "/1", {name!r} + "/1"), ("lineage", {name!r} + "/1"),
):
    try:
        main(["--url", {url!r}, *words])
    except SystemExit as ended:
        assert not ended.code, words
"""


class Extras:
    """What the base wheel does not install."""

    SERVER: ClassVar = {"dagster", "fastapi", "psycopg", "psycopg_pool", "starlette", "uvicorn"}
    OTHERS: ClassVar = {"boto3", "jinja2", "numpy", "obstore", "pandas", "sqlglot", "yaml"}


def test_the_client_needs_the_base_wheel_alone(served: Served, tmp_path: Path, name: str) -> None:
    token = served.registry.create_token("sdk", roles=[Role.CONTRIBUTOR]).secret
    script = BARE.format(
        names=Extras.SERVER | Extras.OTHERS,
        url=served.url,
        token=token,
        name=name,
        path=str(artifact(tmp_path / "model")),
    ).replace("from tests.factories import new_version", NEW_VERSION)
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PEDIGREE_TOKEN": token},
    )
    assert done.returncode == 0, done.stderr
    stage, refusal, *_ = done.stdout.splitlines()
    assert stage == "candidate"
    assert refusal.startswith("MissingDependencyError Install pedigree-registry[registry]")


NEW_VERSION = """
    new_version = lambda: pedigree.NewVersion(metadata=pedigree.DeclaredMetadata(
        flavor="generic", run_id="run-1", git_commit="0123456789abcdef", git_dirty=False,
        signature=pedigree.Signature(
            inputs=(pedigree.Column(name="age", type="double"),),
            outputs=(pedigree.Column(name="score", type="double"),),
        ),
    ))"""
