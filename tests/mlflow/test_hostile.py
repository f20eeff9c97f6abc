"""Hostile requests for the door of MLflow's clients read, write and reach nothing, by any role."""

import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest
from psycopg import sql

from pedigree.access.records import Role
from pedigree.registry import Registry
from pedigree.settings import Settings
from tests.factories import SECRET_KEY, artifact, new_version
from tests.mlflow.hostile import KNOWN, HostileRequest, hostile_requests
from tests.server.conftest import Served, serving
from tests.server.raw import RawAnswer, answer, connected, send
from tests.sources.serving import FileServer
from tests.sources.serving import serving as files_served

PREFIXES = ("/api/2.0", "/ajax-api/2.0")
SECRET = "what nobody may read"
RUNS = "/api/2.0/mlflow/runs/get?run_id="
LOGGED_MODELS = "/api/2.0/mlflow/logged-models/"
# No request may keep the service busy for longer.
ANSWER_S = 10.0
# When a token or a grant was used, and how far the service has read the events.
NOTES = frozenset({"grant_use", "access_token", "card_follower"})


@dataclass
class Attacked:
    """A service, and a server that it must not ask."""

    served: Served
    upstream: FileServer
    listener: socket.socket
    model_id: str

    @property
    def facts(self) -> dict[str, str]:
        """What requests name."""
        return {"port": str(self.listener.getsockname()[1]), "model_id": self.model_id}


@pytest.fixture(scope="module")
def attacked(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    """A service with what the requests are about, which passes tracking on."""
    folder = tmp_path_factory.mktemp("attacked")
    with files_served({}) as upstream, socket.create_server(("127.0.0.1", 0)) as listener:
        for run_id in ("R", "other"):
            upstream.answers[f"{RUNS}{run_id}"] = 200, {}, run_of(run_id)
        more = {
            "serve_delivers": False,
            "secret_key": SECRET_KEY,
            "mlflow_proxy": True,
            "mlflow_upstream": upstream.url,
            "mlflow_sources": f"file://{folder}/allowed=seal https://files.example/=seal",
        }
        changed = settings.model_dump(exclude_unset=True) | more
        with serving(Settings.model_validate(changed)) as served:
            model_id = prepared(served, folder)
            yield Attacked(served, upstream, listener, model_id)


def run_of(run_id: str) -> bytes:
    """What the tracking server says of a run."""
    info = {"run_id": run_id, "artifact_uri": f"mlflow-artifacts:/0/{run_id}/artifacts"}
    return json.dumps({"run": {"info": info, "data": {}}}).encode()


def prepared(served: Served, folder: Path) -> str:
    """Register a version with an alias, and upload files for each role; return the model's id."""
    registry = served.registry
    registry.register(KNOWN, artifact(folder / "model", SECRET), new_version())
    registry.set_alias(KNOWN, "champion", 1)
    registry.card(f"{KNOWN}/1")  # else the service writes it meanwhile
    return str(registry.operations.artifact_places.place(f"{KNOWN}/1").model_id)


def state_of(registry: Registry) -> dict[str, str]:
    """A digest of each table, and of each file of the store."""
    registry.events(limit=1)  # gives the last events their places
    tables = registry.database.fetch_all(
        "SELECT table_name AS name FROM information_schema.tables"
        " WHERE table_schema = 'pedigree' AND table_type = 'BASE TABLE'"
    )
    found = {each["name"]: digest_of(registry, each["name"]) for each in tables}
    files = {
        str(each): f"{each.stat().st_size} {each.stat().st_mtime_ns}"
        for each in (registry.settings.home / "store").rglob("*")
        if each.is_file()
    }
    return {name: found[name] for name in sorted(found.keys() - NOTES)} | files


def digest_of(registry: Registry, table: str) -> str:
    statement = sql.SQL(
        "SELECT count(*) || ' ' || coalesce(sum(hashtextextended(r::text, 0)), 0) AS digest"
        " FROM {} AS r"
    ).format(sql.Identifier("pedigree", table))
    text = statement.as_string()
    return str(registry.database.fetch_all(text)[0]["digest"])


def heads_of(served: Served) -> dict[str, tuple[str, ...]]:
    """Lines of a head for each role, for a token of other models, and for nobody."""
    clients = {str(role): served.client(role) for role in Role}
    clients["other models"] = served.client(Role.ADMIN, models=("other-*",))
    credentials = {who: client.headers["authorization"] for who, client in clients.items()}
    return {"nobody": ()} | {
        who: (f"Authorization: {credential}",) for who, credential in credentials.items()
    }


class Wire:
    """A connection of one sender, opened again whenever the service closes it.

    Args:
        url: The service.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._stack = ExitStack()
        self._opened: socket.socket | None = None

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def ask(self, data: bytes) -> RawAnswer:
        """Send a request and return its answer, which has to come in time."""
        if self._opened is not None and send(self._opened, data):
            got = answer(self._opened)
            if got.status:
                return got
        self._stack.close()
        self._opened = self._stack.enter_context(connected(self._url))
        self._opened.settimeout(ANSWER_S)
        assert send(self._opened, data)
        return answer(self._opened)


def effects(attacked: Attacked, chosen: Sequence[HostileRequest]) -> list[str]:
    """Send requests below both prefixes by each role; return every effect."""
    served, found = attacked.served, list[str]()
    heads = heads_of(served)
    before = state_of(served.registry)
    for (who, head), prefix in product(heads.items(), PREFIXES):
        with Wire(served.url) as wire:
            for each in chosen:
                got = wire.ask(each.over_the_wire(prefix, attacked.facts, *head))
                if not 400 <= got.status < 500 or SECRET.encode() in got.body:
                    found.append(f"{who} {prefix} {each}: {got.status} {got.body[:200]!r}")
    after = state_of(served.registry)
    changed = {name for name, _ in before.items() ^ after.items()}
    return found + [f"changed {name}" for name in sorted(changed)] + reached(attacked)


def reached(attacked: Attacked) -> list[str]:
    """What the service asked: of the tracking server only whose a run or a model is."""
    asked = attacked.upstream.asked
    found = [f"asked {each}" for each in asked if not each.startswith((RUNS, LOGGED_MODELS))]
    attacked.listener.setblocking(False)
    with suppress(BlockingIOError):
        _, address = attacked.listener.accept()
        found.append(f"connected from {address}")
    return found


def test_some_hostile_requests_of_each_class_are_refused(attacked: Attacked) -> None:
    by_kind: dict[str, list[HostileRequest]] = {}
    for each in hostile_requests():
        by_kind.setdefault(each.kind, []).append(each)
    chosen = [each for kind in by_kind.values() for each in kind[:: max(1, len(kind) // 3)]]
    assert not effects(attacked, chosen)


@pytest.mark.system
def test_all_hostile_requests_are_refused(attacked: Attacked) -> None:
    every = list(hostile_requests())
    assert len(set(map(repr, every))) >= 400
    assert effects(attacked, every) == []
