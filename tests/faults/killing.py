"""Kill a process with SIGKILL before any chosen line of some modules.

::

    with Victim("tests.faults.victims:register", ["pedigree.registry"]) as victim:
        lines = victim.run(path="…")
        for line in range(lines):
            assert victim.run(path="…", kill_before=line) is None

A separate process imports the target once, and forks for each run: so a run costs a
fork and not the start of an interpreter. Lines count in all threads of the run; one that runs
again and again, as for each file, counts twice.
"""

import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from types import CodeType, FrameType, TracebackType
from typing import Any, Self


class Victim:
    """A function that runs, and can be killed, in a forked process.

    Args:
        target: ``module:function``; the function takes text keyword arguments.
        modules: The packages and modules whose lines count.
    """

    def __init__(self, target: str, modules: Sequence[str]) -> None:
        self._nursery = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.killing", target, *modules],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, *, kill_before: int | None = None, **arguments: str) -> int | None:
        """Run the target; return how many lines it ran, or None if it was killed."""
        assert self._nursery.stdin
        assert self._nursery.stdout
        self._nursery.stdin.write(json.dumps([kill_before, arguments]) + "\n")
        self._nursery.stdin.flush()
        answer = json.loads(self._nursery.stdout.readline())
        if "failure" in answer:
            raise RuntimeError(f"the victim did not die, it failed:\n{answer['failure']}")
        lines: int | None = answer["lines"]
        return lines

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._nursery.communicate()


def _serve(target: str, modules: tuple[str, ...]) -> None:
    name, function = target.split(":")
    work = getattr(importlib.import_module(name), function)
    gc.freeze()  # a garbage collection in a child would copy the shared memory
    for request in sys.stdin:
        kill_before, arguments = json.loads(request)
        sys.stdout.write(json.dumps(_fork(work, arguments, modules, kill_before)) + "\n")
        sys.stdout.flush()


def _fork(
    work: Callable[..., object],
    arguments: dict[str, str],
    modules: tuple[str, ...],
    kill_before: int | None,
) -> dict[str, Any]:
    answer, result_pipe = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(answer)
        try:
            report: dict[str, Any] = {"lines": _run(work, arguments, modules, kill_before)}
        except BaseException:
            report = {"failure": traceback.format_exc()}
        os.write(result_pipe, json.dumps(report).encode())
        os._exit(0)
    os.close(result_pipe)
    with os.fdopen(answer) as pipe:
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return {"lines": None}
    lines: dict[str, Any] = json.loads(text)
    return lines


def _run(
    work: Callable[..., object],
    arguments: dict[str, str],
    modules: tuple[str, ...],
    kill_before: int | None,
) -> int:
    seen: Counter[tuple[CodeType, int]] = Counter()
    passed = 0

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal passed
        if not frame.f_globals.get("__name__", "").startswith(modules):
            return None
        if event == "line":
            line = (frame.f_code, frame.f_lineno)
            seen[line] += 1
            if seen[line] <= 2:
                if passed == kill_before:
                    os.kill(os.getpid(), signal.SIGKILL)
                passed += 1
        return trace

    threading.settrace(trace)
    sys.settrace(trace)
    try:
        work(**arguments)
    finally:
        sys.settrace(None)
        threading.settrace(None)
    return passed


if __name__ == "__main__":
    _serve(sys.argv[1], tuple(sys.argv[2:]))
