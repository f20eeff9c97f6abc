"""The user of the server: an ordinary user, root in a namespace, or root without one."""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pedigree.postgres import EmbeddedPostgres


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users can traverse; pytest's own folders are private."""
    folder = Path(tempfile.mkdtemp(prefix="pedigree-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def _python_of_nobody() -> tuple[tuple[str, ...], dict[str, str]]:
    """Return a Python that `nobody` can run, with this one's packages; ours may be private."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    packages = [path for path in sys.path if path.endswith("site-packages")]
    root = str(Path(__file__).parents[2])
    for python in (sys.executable, f"/usr/bin/python{version}"):
        place = Path(python).resolve()
        if all(folder.stat().st_mode & 0o001 for folder in place.parents) and place.exists():
            return (python,), {"PYTHONPATH": os.pathsep.join([root, *packages])}
    pytest.skip(f"no Python {version} that the user nobody may run")


@pytest.mark.skipif(os.geteuid() != 0, reason="the tests run as an ordinary user already")
def test_an_ordinary_user_needs_no_root_privileges(
    open_folder, start_client, eventually, fast_settings
):
    python, environment = _python_of_nobody()
    place = open_folder / "nobody"
    place.mkdir()
    os.chown(place, 65534, 65534)
    client = start_client(
        place / "home",
        python=python,
        environment={**environment, "HOME": str(place)},
        user=65534,
        group=65534,
        extra_groups=[],
    )
    assert client.ask("SELECT current_database() AS name") == {"name": "pedigree"}
    data = place / "home" / "postgres" / "data"
    assert data.stat().st_uid == 65534
    server = EmbeddedPostgres(place / "home")
    assert psutil.Process(server.status().pid).username() == "nobody"
    client.kill()
    eventually(lambda: server.status().state == "stopped")


# As in Docker's default seccomp profile, unshare(2) is forbidden.
WITHOUT_NAMESPACES = """
import ctypes, platform, runpy, struct, sys
number = {"x86_64": 272, "aarch64": 97}[platform.machine()]
steps = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x50000 | 1), (0x06, 0, 0, 0x7FFF0000)]
program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
class Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_void_p)]
libc = ctypes.CDLL(None, use_errno=True)
filter = Filter(len(steps), ctypes.addressof(program))
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, ctypes.byref(filter)) == 0
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.system
@pytest.mark.skipif(
    os.geteuid() != 0 or sys.platform != "linux", reason="only root on Linux needs a namespace"
)
def test_root_without_user_namespaces_runs_it_as_nobody(
    open_folder, start_client, eventually, alive
):
    home = open_folder / "home"
    client = start_client(home, python=(sys.executable, "-c", WITHOUT_NAMESPACES))
    assert client.ask("SELECT current_database() AS name") == {"name": "pedigree"}
    server = EmbeddedPostgres(home)
    status = server.status()
    assert (home / "postgres" / "data").stat().st_uid == 65534
    assert psutil.Process(status.pid).username() == "nobody"

    os.kill(status.supervisor_pid, signal.SIGKILL)
    eventually(lambda: not alive(status.pid))
    assert client.ask("SELECT 1 AS one") == {"one": 1}
    client.kill()
    eventually(lambda: server.status().state == "stopped")

    (home.parent / "closed").mkdir(mode=0o700)
    client = start_client(home.parent / "closed" / "home", python=client.process.args[:3])
    answer = client.ask("SELECT 1")
    assert answer["error"] == "EmbeddedPostgresError"
    assert "set PEDIGREE_HOME to a folder that other users can traverse" in answer["text"]
