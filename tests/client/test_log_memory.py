"""A client refuses a service whose log is not an extension of what it saw."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pedigree.access.records import Role
from pedigree.client import _log_memory
from pedigree.client._log_memory import RememberedLog
from pedigree.client.connect import connect
from pedigree.contract.registry import RegistryContract
from pedigree.errors import LogTamperedError
from pedigree.registry.log_sealing import LogSealing
from pedigree.settings import Settings
from tests.audit.sealing import add_events, edit, write_key
from tests.server.conftest import Served, serving


@pytest.fixture
def served(database_url: str, tmp_path: Path) -> Iterator[Served]:
    """A service with a sealed log."""
    settings = Settings(
        home=tmp_path / "service",
        database_url=database_url,
        actor="tester",
        audit_key=str(write_key(tmp_path / "key.pem")),
        serve_seals=False,
    )
    with serving(settings) as served:
        yield served


@pytest.fixture
def sealing(served: Served) -> LogSealing:
    """The sealer of the service, which has sealed three hundred events."""
    add_events(served.registry.database, 300)
    sealing = LogSealing(served.registry)
    sealing.seal()
    return sealing


@pytest.fixture
def client(
    served: Served, sealing: LogSealing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RegistryContract]:
    """A client that compares before each request, and has seen the log."""
    monkeypatch.setattr(_log_memory, "INTERVAL_S", 0.0)
    token = served.registry.create_token("ann", roles=[Role.READER]).secret
    with connect(served.url, token=token, settings=Settings(home=tmp_path / "client")) as client:
        for _ in range(200):
            client.models()
            if states(tmp_path):
                break
            _wait()
        assert remembered(tmp_path).size == 301
        yield client


def _wait() -> None:
    import threading

    threading.Event().wait(0.02)


def states(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "client" / "logs").glob("*.json"))


def remembered(tmp_path: Path) -> RememberedLog:
    (path,) = states(tmp_path)
    return RememberedLog.model_validate_json(path.read_bytes())


def test_a_log_that_grew_is_remembered(
    client: RegistryContract, served: Served, sealing: LogSealing, tmp_path: Path
) -> None:
    add_events(served.registry.database, 5)
    sealing.seal()
    client.models()
    state = remembered(tmp_path)
    assert state.size > 301
    newest = served.registry.operations.audit.newest_checkpoint()
    assert (state.note, state.checkpoint().root.hex()) == (newest.note, newest.root)
    assert states(tmp_path)[0].stat().st_mode & 0o077 == 0


GONE = "DELETE FROM pedigree.log_checkpoint; DELETE FROM pedigree.log_block;"


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (f"{GONE} DELETE FROM pedigree.feed WHERE seq > 200", "it has only 20[0-9] events"),
        (
            f"{GONE} UPDATE pedigree.event SET leaf = sha256(leaf) WHERE id = 9",
            "the log has another root at 301 events|not what it was at 301 events",
        ),
        (GONE, "no sealed log any more"),
        (
            "UPDATE pedigree.registry_identity SET registry_id = gen_random_uuid();" + GONE,
            "it is the log pedigree/",
        ),
    ],
    ids=["shorter", "edited", "unsealed", "another registry"],
)
def test_a_log_that_was_rewritten_is_refused_before_the_request(
    client: RegistryContract,
    served: Served,
    sealing: LogSealing,
    tmp_path: Path,
    database_url: str,
    statement: str,
    problem: str,
) -> None:
    before = remembered(tmp_path)
    edit(database_url, statement)
    if "unsealed" not in problem and statement != GONE:
        sealing.seal()
    for _ in range(2):
        with pytest.raises(LogTamperedError, match=problem) as refused:
            client.models()
        assert str(states(tmp_path)[0]) in str(refused.value)
    assert remembered(tmp_path) == before
    states(tmp_path)[0].unlink()
    client.models()


def test_a_comparison_is_made_once_a_minute_for_all_processes(
    client: RegistryContract,
    served: Served,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    database_url: str,
) -> None:
    monkeypatch.setattr(_log_memory, "INTERVAL_S", 60.0)
    edit(database_url, GONE)
    client.models()
    token = served.registry.create_token("ann", roles=[Role.READER]).secret
    with connect(served.url, token=token, settings=Settings(home=tmp_path / "client")) as other:
        other.models()


def test_a_state_that_cannot_be_read_or_kept_stops_nothing(
    client: RegistryContract, tmp_path: Path
) -> None:
    (path,) = states(tmp_path)
    path.write_text("torn")
    client.models()
    path.unlink()
    path.parent.rmdir()
    path.parent.write_text("not a folder")
    client.models()


def test_a_service_without_a_log_is_asked_nothing(database_url: str, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "service", database_url=database_url, actor="tester")
    with serving(settings) as served:
        answer = served.client(Role.READER).get("/models")
        assert "pedigree-log" not in answer.headers
        token = served.registry.create_token("ann", roles=[Role.READER]).secret
        home = Settings(home=tmp_path / "client")
        with connect(served.url, token=token, settings=home) as client:
            client.models()
    assert states(tmp_path) == []


def test_every_answer_announces_the_size_and_the_root(
    client: RegistryContract, served: Served
) -> None:
    from base64 import b64decode

    newest = served.registry.operations.audit.newest_checkpoint()
    nobody = served.client()
    for answer in (served.client(Role.READER).get("/models"), nobody.get("/models")):
        size, root = answer.headers["pedigree-log"].split(" ")
        assert (int(size), b64decode(root).hex()) == (newest.size, newest.root)
