"""``/log``: a monitor that knows only the specification reads the log back."""

import base64
import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from pedigree.access.records import Role
from pedigree.audit.verifier.hashes import require_consistency
from pedigree.audit.verifier.notes import LogKey, open_checkpoint
from pedigree.registry.log_sealing import LogSealing
from pedigree.settings import Settings
from tests.audit.sealing import add_events, add_many_events, contents, require_sealed, write_key
from tests.databases import Databases
from tests.server.conftest import Served, serving

FEW = 300


@pytest.fixture(
    scope="module", params=[700, pytest.param(66_000, marks=pytest.mark.system)], ids=str
)
def many(request: pytest.FixtureRequest) -> int:
    """How many events are sealed after the first ones: 66,000 make tiles of three levels."""
    return int(request.param)


@pytest.fixture(scope="module")
def served(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory, many: int
) -> Iterator[Served]:
    """A service with a sealed log."""
    folder = tmp_path_factory.mktemp("served")
    with databases.lend() as make:
        settings = Settings(
            home=folder / "home",
            database_url=make(),
            actor="tester",
            audit_key=str(write_key(folder / "key.pem")),
            serve_seals=False,
            serve_delivers=False,
        )
        with serving(settings) as served:
            sealing = LogSealing(served.registry)
            add_events(served.registry.database, FEW)
            sealing.seal()
            add_many_events(served.registry.database, many)
            sealing.seal()
            yield served


def client_of(served: Served, role: Role, **options: object) -> httpx2.Client:
    issued = served.registry.create_token(f"monitor {role}", roles=[role], **options)
    headers = {"Authorization": f"Bearer {issued.secret}"}
    return httpx2.Client(base_url=f"{served.url}/log", headers=headers, timeout=60)


@pytest.fixture(scope="module")
def monitor(served: Served) -> Iterator[httpx2.Client]:
    with client_of(served, Role.ADMIN) as client:
        yield client


class Monitor:
    """A reader of tiles that follows https://c2sp.org/tlog-tiles and RFC 6962 to the letter."""

    def __init__(self, client: httpx2.Client) -> None:
        self.client = client
        text = client.get("checkpoint").text
        _, size, root, *_ = text.split("\n")
        self.size, self.root = int(size), base64.b64decode(root)

    def tile(self, level: int, number: int) -> list[bytes]:
        there = self.size // 256**level
        width = min(256, there - 256 * number)
        digits = f"{number:03}" if number < 1000 else f"x{number // 1000:03}/{number % 1000:03}"
        suffix = "" if width == 256 else f".p/{width}"
        answer = self.client.get(f"tile/{level}/{digits}{suffix}")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/octet-stream"
        assert "immutable" in answer.headers["cache-control"]
        assert len(answer.content) == 32 * width
        return [answer.content[32 * i : 32 * i + 32] for i in range(width)]

    def level(self, level: int) -> list[bytes]:
        tiles = -(-(self.size // 256**level) // 256)
        return [each for number in range(tiles) for each in self.tile(level, number)]


def mth(hashes: list[bytes]) -> bytes:
    """The Merkle tree hash of leaf hashes."""
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while 2 * k < len(hashes):
        k *= 2
    return hashlib.sha256(b"\x01" + mth(hashes[:k]) + mth(hashes[k:])).digest()


def test_a_monitor_reads_the_whole_tree(served: Served, monitor: httpx2.Client) -> None:
    reader = Monitor(monitor)
    events = contents(served.registry.database)
    sealed = events[: reader.size]
    assert reader.size > 1000
    leaves = reader.level(0)
    assert leaves == [hashlib.sha256(b"\x00" + content).digest() for content in sealed]
    assert mth(leaves) == reader.root
    full = [leaves[i : i + 256] for i in range(0, len(leaves) - 255, 256)]
    assert reader.level(1) == [mth(block) for block in full]
    whole = range(0, len(leaves) - 65_535, 65_536)
    assert reader.level(2) == [mth(leaves[i : i + 65_536]) for i in whole]


def test_the_checkpoint_is_a_signed_note(served: Served, monitor: httpx2.Client) -> None:
    answer = monitor.get("checkpoint")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    (key,) = served.registry.operations.audit.log_keys()
    assert open_checkpoint(answer.text, [LogKey.parse(key.key)]).size == Monitor(monitor).size


def test_the_sealed_events_are_lines(served: Served, monitor: httpx2.Client) -> None:
    lines: list[bytes] = []
    while found := monitor.get("events", params={"after": len(lines), "limit": 1000}).content:
        lines += found.splitlines()
        if len(lines) >= 3000:
            break
    assert lines == contents(served.registry.database)[: len(lines)]
    end = {"after": Monitor(monitor).size}
    assert monitor.get("events", params=end).content == b""


@pytest.mark.parametrize(
    "path",
    [
        *("0/259", "0/258.p/254", "0/258.p/256", "0/258.p/0", "0/258.p/01", "0/x000/001", "0/1"),
        *("3/000", "2/000", "1/001.p/3", "0/000/", "0/000.p/", "0/-01", "0/x999/x999/x999/999"),
        *("63/000", "0/x001", "0/\N{ARABIC-INDIC DIGIT ZERO}00", "0/001.P/3", "0/000.p/1/000"),
        "0/x000/x000/000",
    ],
)
def test_a_tile_that_is_not_there_is_not_found(monitor: httpx2.Client, path: str) -> None:
    answer = monitor.get(f"tile/{path}")
    assert answer.status_code == 404, answer.content


@pytest.mark.parametrize("path", ["64/000", "-1/000", "x/000", "00/000", f"0/{'x001/' * 20}000"])
def test_a_level_that_the_format_lacks_is_refused(monitor: httpx2.Client, path: str) -> None:
    assert monitor.get(f"tile/{path}").status_code == 400


def test_the_log_only_grew(served: Served, monitor: httpx2.Client) -> None:
    new = Monitor(monitor)
    for old in (1, 256, FEW, FEW + 1, new.size - 1, new.size):
        found = monitor.get(f"consistency/{old}").json()
        assert (found["old_size"], found["new_size"]) == (old, new.size)
        proof = [base64.b64decode(each) for each in found["proof"]]
        roots = (bytes.fromhex(found["old_root"]), bytes.fromhex(found["new_root"]))
        assert roots[1] == new.root
        require_consistency((old, roots[0]), (new.size, roots[1]), proof)
    assert monitor.get(f"consistency/{new.size + 1}").status_code == 422


def test_a_reader_gets_the_checkpoint_alone(served: Served) -> None:
    with client_of(served, Role.READER, models=["churn*"]) as reader:
        assert reader.get("checkpoint").status_code == 200
        assert reader.get("consistency/1").status_code == 200
        assert reader.get("tile/0/000").status_code == 403
        assert reader.get("events").status_code == 403
    with httpx2.Client(base_url=f"{served.url}/log") as nobody:
        for path in ("checkpoint", "consistency/1", "tile/0/000", "events"):
            assert nobody.get(path).status_code == 401


def test_a_service_that_has_the_key_seals_its_log(database_url: str, tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path / "home",
        database_url=database_url,
        actor="tester",
        audit_key=str(write_key(tmp_path / "key.pem")),
        audit_public=True,
    )
    with serving(settings) as served:
        client = served.client(Role.READER)
        deadline = time.monotonic() + 30
        while "pedigree-log" not in (headers := client.get("/models").headers):
            assert time.monotonic() < deadline
        assert int(headers["pedigree-log"].partition(" ")[0]) >= 2
        with httpx2.Client(base_url=served.url) as nobody:  # its log is public, and nothing else
            size = int(nobody.get("/log/checkpoint").text.split("\n")[1])
            for path in ("consistency/1", f"tile/0/000.p/{size}", "events"):
                assert nobody.get(f"/log/{path}").status_code == 200
            assert nobody.get("/log/checkpoint?cosigned=true").status_code == 404
            for path in ("models", "events", "tokens", "whoami"):
                assert nobody.get(f"/api/v1/{path}").status_code == 401
    require_sealed(served.registry.database)
