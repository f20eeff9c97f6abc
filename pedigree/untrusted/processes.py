"""Run a job on untrusted files in a child process, with limits on memory, time and output.

The child is a new interpreter without this process's memory, environment and network. A job that
hits a limit ends, alone; what it answered before is kept.
"""

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO, Any, NamedTuple

from pedigree.errors import ServiceBusyError, UnavailableError
from pedigree.untrusted._main import OUT_OF_MEMORY
from pedigree.untrusted.documents import DocumentError, parsed_json
from pedigree.untrusted.limits import ProcessLimits

# The priority changes first, because most of the time may be that of the imports.
_BOOT = (
    "import os, sys; os.nice(int(sys.argv[1]));"
    " import json; sys.path[:] = json.loads(sys.argv[2]);"
    " from pedigree.untrusted._main import main; main(*sys.argv[3:])"
)
_LIBRARY_PATHS = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_PIECE = 1 << 16
_LONGEST_STDERR = 2000
_PATIENCE_S = 5.0
# A loaded machine starts processes slowly, and those of a service come last.
_START_S = 60.0
_MIB = 1 << 20


class Answers(NamedTuple):
    """What a job answered."""

    lines: tuple[Any, ...]
    """Its answers, in order."""
    stopped: str | None
    """Why it ended early, as the end of a sentence about the file; None if it is complete."""
    network: str | None
    """What cut its network; None if nothing could."""


class _Output(NamedTuple):
    out: bytes
    err: bytes
    stopped: str | None


def run_job(job: str, request: object, limits: ProcessLimits) -> Answers:
    """Run a job in a new process, and return its answers.

    Args:
        job: ``module:function``; the function takes the request and yields JSON values.
        request: A JSON value.
        limits: What the process may use.

    Raises:
        ServiceBusyError: As many jobs as are allowed at once still run after some seconds.
        UnavailableError: The process cannot start, so no file was read.
    """
    with _slot(limits.at_once), tempfile.TemporaryFile() as given:
        given.write(json.dumps(request).encode())
        given.seek(0)
        with _start(job, given, limits) as child:
            try:
                output = _collect(child, limits)
                if output.stopped is None:
                    _end(child)
            finally:
                with suppress(ProcessLookupError, PermissionError):  # macOS: a group of zombies
                    os.killpg(child.pid, signal.SIGKILL)
    return _answers(output, child.returncode, limits)


@cache
def confinement() -> dict[str, bool | str | None]:
    """Return how jobs are confined on this platform, by trying it once in this process.

    Returns:
        ``memory``: whether the limit holds. ``network``: what cuts it, None if nothing does.

    Raises:
        UnavailableError: No child process can start.
    """
    limits = ProcessLimits(memory=256 * _MIB)
    found = run_job("pedigree.untrusted._probe:probe", limits.memory, limits)
    tried = found.lines[0] if found.lines else {"memory": False, "network": True}
    return {
        "memory": tried["memory"],
        "network": None if tried["network"] else found.network,
    }


class _Slots:
    """The jobs that run in this process."""

    def __init__(self) -> None:
        self.running = 0
        self.changed = threading.Condition()


_slots = _Slots()


@contextmanager
def _slot(at_once: int) -> Iterator[None]:
    """Wait until fewer jobs run than are allowed."""
    with _slots.changed:
        if not _slots.changed.wait_for(lambda: _slots.running < at_once, _PATIENCE_S):
            raise ServiceBusyError(
                f"{at_once} processes read files already, as many as are allowed at once",
                remedy="Try again later, or increase PEDIGREE_SCANS_AT_ONCE",
            )
        _slots.running += 1
    try:
        yield
    finally:
        with _slots.changed:
            _slots.running -= 1
            _slots.changed.notify_all()


def _start(job: str, given: IO[bytes], limits: ProcessLimits) -> "subprocess.Popen[bytes]":
    seconds = max(1, round(limits.time.total_seconds()))
    bounds = [str(limits.memory), str(seconds)]
    arguments = [_BOOT, str(limits.niceness), json.dumps(_search_path()), job, *bounds]
    try:
        return subprocess.Popen(
            # -I and -S: no variable, no user's folder and no .pth file changes what it imports.
            [sys.executable, "-I", "-S", "-B", "-c", *arguments],
            stdin=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(),
            # A group of its own, which can be killed, but not a session: Linux gives each session
            # an equal share of the processor, whatever the niceness (sched_autogroup_enabled).
            process_group=0,
        )
    except OSError as error:
        raise _cannot_start(str(error)) from error


def _environment() -> dict[str, str]:
    """Return what an interpreter needs to start, and no setting or secret of this process."""
    kept = {name: os.environ[name] for name in _LIBRARY_PATHS if name in os.environ}
    return {"LC_ALL": "C.UTF-8", **kept}


def _search_path() -> list[str]:
    here = str(Path(__file__).parents[2])
    found = [entry for entry in sys.path if Path(entry).is_absolute()]
    return found if here in found else [here, *found]


def _collect(child: "subprocess.Popen[bytes]", limits: ProcessLimits) -> _Output:
    """Read what the child writes, up to the limits of time and output.

    The time counts from its first line, with which it has loaded its modules.
    """
    deadline, has_started = time.monotonic() + _START_S, False
    assert child.stdout is not None
    assert child.stderr is not None
    out, err = bytearray(), bytearray()
    with selectors.DefaultSelector() as open_pipes:
        open_pipes.register(child.stdout, selectors.EVENT_READ, out)
        open_pipes.register(child.stderr, selectors.EVENT_READ, err)
        while open_pipes.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                reason = (
                    _out_of_time(limits) if has_started else f"it took more than {_START_S:g} s"
                )
                return _Output(bytes(out), bytes(err), reason)
            for key, _ in open_pipes.select(left):
                piece = os.read(key.fd, _PIECE)
                if not piece:
                    open_pipes.unregister(key.fileobj)
                key.data.extend(piece)
                del err[:-_LONGEST_STDERR]
            if not has_started and b"\n" in out:
                deadline, has_started = time.monotonic() + 2 * limits.time.total_seconds(), True
            if len(out) > limits.output:
                reason = f"reading it wrote more than {limits.output // _MIB} MiB"
                return _Output(bytes(out[: limits.output]), bytes(err), reason)
    return _Output(bytes(out), bytes(err), None)


def _end(child: "subprocess.Popen[bytes]") -> None:
    """Wait for a process that has closed its output, so that its exit code is its own."""
    with suppress(subprocess.TimeoutExpired):
        child.wait(_PATIENCE_S)


def _answers(output: _Output, code: int, limits: ProcessLimits) -> Answers:
    # A line that was cut off is not counted.
    first, *others = output.out.split(b"\n")[:-1] or [b""]
    if not first:
        errors = output.err.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise _cannot_start(output.stopped or errors or f"it exited with {code}")
    network = json.loads(first)["network"]
    answers: list[Any] = []
    for line in others:  # written after it opened the files, so trusted as little as they are
        try:
            found = parsed_json(line)
        except DocumentError as error:
            return Answers(
                tuple(answers), f"reading it wrote a line that is not JSON: {error}", network
            )
        if "stopped" in found:
            return Answers(tuple(answers), _reason_given(found["stopped"], limits), network)
        answers.append(found.get("answer"))
    return Answers(tuple(answers), output.stopped or _reason(code, limits), network)


def _reason_given(stopped: str | None, limits: ProcessLimits) -> str | None:
    if stopped == OUT_OF_MEMORY:
        return f"reading it needs more than {limits.memory // _MIB} MiB of memory"
    return None if stopped is None else str(stopped)


def _reason(code: int, limits: ProcessLimits) -> str:
    if code == -signal.SIGXCPU:
        return _out_of_time(limits)
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    return f"the process that read it ended with {how}"


def _out_of_time(limits: ProcessLimits) -> str:
    return f"reading it takes more than {limits.time.total_seconds():g} s"


def _cannot_start(reason: str) -> UnavailableError:
    return UnavailableError(
        f"the process that reads untrusted files cannot start: {reason}",
        remedy="Run `pedigree status`; it needs a Python interpreter and Pedigree's own packages",
    )
