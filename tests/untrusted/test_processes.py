import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from pedigree.cli._status import status_document
from pedigree.errors import ServiceBusyError, UnavailableError
from pedigree.untrusted import processes
from pedigree.untrusted.limits import ProcessLimits
from pedigree.untrusted.processes import Answers, confinement, run_job

LIMITS = ProcessLimits(memory=256 << 20, time=timedelta(seconds=20), output=1 << 20)


@pytest.fixture(autouse=True)
def _jobs_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parent)


def run(job: str, request: object = None, limits: ProcessLimits = LIMITS) -> Answers:
    return run_job(f"confined_jobs:{job}", request, limits)


def test_a_job_gets_its_request_and_nothing_of_this_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PEDIGREE_DATABASE_URL", "postgresql://ann:s3cret@db/registry")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/nowhere")  # some interpreters start only with it
    found = run("answer", {"a": ["ü"]})
    assert found.stopped is None
    assert found.lines == ({"a": ["ü"]}, {"LC_ALL": "C.UTF-8", "LD_LIBRARY_PATH": "/nowhere"})


@pytest.mark.parametrize("niceness", [0, 10])
def test_a_job_has_the_priority_that_its_limits_state(niceness: int) -> None:
    limits = ProcessLimits(memory=LIMITS.memory, niceness=niceness)
    (child,) = run("priority", limits=limits).lines
    assert child["niceness"] == min(19, os.nice(0) + niceness)
    # Each session has an equal share of the processor on Linux; in the same one, niceness counts.
    assert child["session"] == os.getsid(0)
    assert child["group"] == child["pid"]


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels do not limit memory")
def test_a_job_that_fills_the_memory_ends_alone() -> None:
    assert run("fill_memory")[:2] == (
        ("before",),
        "reading it needs more than 256 MiB of memory",
    )


@pytest.mark.parametrize("job", ["run_forever", "wait_forever"])
def test_a_job_that_takes_too_long_is_ended(job: str) -> None:
    hasty = ProcessLimits(memory=LIMITS.memory, time=timedelta(seconds=1))
    assert run(job, limits=hasty)[:2] == (("before",), "reading it takes more than 1 s")


def test_a_job_that_answers_too_much_is_ended() -> None:
    found = run("answer_forever")
    assert found.stopped == "reading it wrote more than 1 MiB"
    assert 90 < len(found.lines) <= 105


@pytest.mark.parametrize(
    ("job", "reason"),
    [
        ("crash", "the process that read it ended with signal 11"),
        ("raise_error", "ValueError: no such opcode"),
        ("answer_nonsense", "reading it wrote a line that is not JSON: it nests too deep"),
    ],
)
def test_a_job_that_fails_says_why_and_keeps_its_answers(job: str, reason: str) -> None:
    assert run(job)[:2] == (("before",), reason)


def test_a_process_that_cannot_start_is_no_answer_about_a_file() -> None:
    with pytest.raises(UnavailableError, match="cannot start: AttributeError"):
        run("no_such_job")


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels do not cut the network")
def test_a_job_reaches_no_network_no_program_and_no_file(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        request = {"port": server.getsockname()[1], "file": str(tmp_path / "file")}
        (found,) = run("reach_out", request).lines
    assert found == {
        "network": "PermissionError",
        "socket of the machine": "PermissionError",
        "program": "PermissionError",
        "file": "OSError",
    }


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels do not confine a process")
def test_the_platform_says_how_it_confines() -> None:
    assert confinement() == {"memory": True, "network": "seccomp"}


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        ({"memory": True, "network": "seccomp"}, ("limited", "cut by seccomp")),
        ({"memory": False, "network": None}, ("not limited: this", "open: this platform has")),
    ],
)
def test_status_says_where_the_platform_cannot_confine(
    found: dict[str, object], shown: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "confinement", lambda: found)
    scans = status_document()["scans"]
    assert isinstance(scans, dict)
    assert scans["memory"].startswith(shown[0])
    assert scans["network"].startswith(shown[1])


_WITHOUT_SECCOMP = """
import errno, socket
from pedigree.untrusted import _confine
_confine._CALLS.clear()
network = _confine.confine(1 << 30, 10)
try:
    socket.create_connection(("127.0.0.1", {port}), 5)
except OSError as error:
    print(network, errno.errorcode[error.errno])
else:
    print(network, "connected")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels have no namespaces")
def test_without_seccomp_a_namespace_cuts_the_network_or_nothing_is_claimed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = _WITHOUT_SECCOMP.format(port=server.getsockname()[1])
        found = subprocess.run(
            [sys.executable, "-c", code], check=False, capture_output=True, text=True
        )
    assert found.stdout in ("namespace ENETUNREACH\n", "None connected\n"), found.stderr


_RUN = """
import sys
sys.path.insert(0, {folder!r})
from pedigree.untrusted.limits import ProcessLimits
from pedigree.untrusted.processes import run_job
run_job("confined_jobs:touch_and_wait", {file!r}, ProcessLimits())
"""


@pytest.mark.system
@pytest.mark.skipif(sys.platform != "linux", reason="other kernels do not end it with its parent")
def test_a_job_ends_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "started"
    code = _RUN.format(folder=str(Path(__file__).parent), file=str(file))
    with subprocess.Popen([sys.executable, "-c", code]) as parent:
        _until(file.exists)
        children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text("ascii")
        parent.kill()
    (child,) = children.split()
    _until(lambda: not Path(f"/proc/{child}").exists())


def _until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline


def test_as_many_jobs_run_at_once_as_are_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fifos = [tmp_path / name for name in ("a", "b")]
    answers: list[Answers] = []
    for fifo in fifos:
        os.mkfifo(fifo)
    threads = [
        threading.Thread(target=lambda fifo=fifo: answers.append(run("hold", str(fifo))))
        for fifo in fifos
    ]
    for thread in threads:
        thread.start()
    slots = processes._slots
    with slots.changed:
        assert slots.changed.wait_for(lambda: slots.running == 2, 20)
    monkeypatch.setattr(processes, "_PATIENCE_S", 0.1)
    with pytest.raises(ServiceBusyError, match="2 processes read files already"):
        run("answer")
    for fifo in fifos:
        fifo.open("wb").close()
    for thread in threads:
        thread.join()
    assert [each.lines for each in answers] == [("held",), ("held",)]
    assert run("answer", "now").lines[0] == "now"
