"""Files that cost much to read cost the service nothing, and never pass for scanned."""

import os
import re
import sys
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
import uvicorn

from pedigree.access.records import Role
from pedigree.artifacts.path_rules import LONGEST_PATH, MOST_PARTS
from pedigree.server.app import create_app
from pedigree.server.serve import PROTOCOL
from pedigree.settings import Settings
from pedigree.untrusted import processes
from tests.factories import new_version
from tests.server.conftest import Served, running

SCAN = {"check": "artifact_scan"}
ZEROS = 400 << 20


@pytest.fixture
def bomb(served: Served, tmp_path: Path, name: str) -> Callable[[int], str]:
    """Register an archive of zeros, and return the path of its version."""

    def make(size: int, random: int = 0) -> str:
        file = tmp_path / "bomb.zip"
        with (
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
            archive.open("weights", "w") as member,
        ):
            member.write(os.urandom(random))
            for _ in range(size >> 20):
                member.write(bytes(1 << 20))
        reference = served.registry.register(name, file, new_version()).version.reference
        return "/models/{}/versions/{}".format(*reference.split("/"))

    return make


def test_a_bomb_gets_a_verdict_that_is_an_error(
    admin: httpx2.Client, bomb: Callable[[int], str]
) -> None:
    answer = admin.post(f"{bomb(65 << 20)}/checks", json=SCAN)
    (verdict,) = answer.json()["verdicts"]
    assert (answer.status_code, verdict["passed"], verdict["severity"]) == (200, False, "error")
    assert "cannot be scanned: weights: it expands to more than" in verdict["summary"]


def test_a_scan_that_finds_all_places_taken_is_429(
    admin: httpx2.Client, version: Callable[..., int], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/models/{name}/versions/{version()}/checks"
    monkeypatch.setattr(processes, "_PATIENCE_S", 0.05)
    monkeypatch.setattr(processes._slots, "running", 2)
    answer = admin.post(path, json=SCAN)
    assert answer.status_code == 429
    assert answer.headers["retry-after"]
    assert answer.json()["type"] == "urn:pedigree:error:ServiceBusyError"
    monkeypatch.setattr(processes._slots, "running", 0)
    assert admin.post(path, json=SCAN).status_code == 200


def test_the_bounds_of_a_path_are_stated_and_enforced(
    served: Served, admin: httpx2.Client, name: str
) -> None:
    schema = httpx2.get(f"{served.url}/openapi.json", timeout=60).json()["components"]["schemas"]
    path = schema["ManifestFile"]["properties"]["path"]
    assert path["maxLength"] == LONGEST_PATH
    assert f"{MOST_PARTS} parts" in path["description"]
    deep = {"path": "/".join("x" * (MOST_PARTS + 1)), "size": 1, "digest": f"sha256:{'0' * 64}"}
    new = {"files": [deep], "version": new_version().model_dump(mode="json", exclude_none=True)}
    answer = admin.post(f"/models/{name}/versions", json=new)
    assert answer.status_code == 422
    assert answer.json()["field"] == "path"
    assert f"more than {MOST_PARTS} parts" in answer.json()["detail"]


@pytest.mark.system
@pytest.mark.skipif(sys.platform != "linux", reason="/proc has the memory of a process")
def test_bombs_of_many_clients_take_no_memory_of_the_service(
    served: Served, admin: httpx2.Client, bomb: Callable[..., str]
) -> None:
    path, answers = bomb(ZEROS, 4 << 20), list[httpx2.Response]()
    Path("/proc/self/clear_refs").write_text("5")  # the peak is that from now on
    before = _peak()
    clients = [served.client(Role.ADMIN) for _ in range(8)]

    def check(client: httpx2.Client) -> None:
        answers.append(client.post(f"{path}/checks", json=SCAN))

    threads = [threading.Thread(target=check, args=[client]) for client in clients]
    for thread in threads:
        thread.start()
    reads = [admin.get(path).status_code]
    while any(thread.is_alive() for thread in threads):
        reads.append(admin.get(path).status_code)
    assert set(reads) == {200}
    assert {answer.status_code for answer in answers} <= {200, 429}
    verdicts = [each.json()["verdicts"][0] for each in answers if each.status_code == 200]
    assert verdicts
    assert {verdict["passed"] for verdict in verdicts} == {False}
    assert _peak() - before < 96 << 10


def _peak() -> int:
    """Return this process's highest memory in KiB."""
    (found,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text("ascii"))
    return int(found)


@pytest.mark.parametrize(("stated", "used"), [(0, 10), (15, 15)])
def test_scans_of_a_service_yield_to_its_requests(
    settings: Settings, stated: int, used: int
) -> None:
    app = create_app(settings.model_copy(update={"scan_niceness": stated}))
    with running(uvicorn.Config(app, port=0, **PROTOCOL)):
        assert app.state.registry.settings.scan_niceness == used
