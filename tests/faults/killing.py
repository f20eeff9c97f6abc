"""Kill a process with SIGKILL before any line that it would run in chosen modules.

::

    with Victim("tests.faults.victims:register", ["pedigree.registry"]) as victim:
        lines = victim.run(path="…")
        for line in range(lines):
            assert victim.run(path="…", kill_before=line) is None

The target is imported once, in a process of its own, which forks for each run: so a run costs a
fork and not the start of an interpreter. Lines count in all threads of the run.
"""

import importlib
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from types import FrameType, TracebackType
from typing import Any, Self


class Victim:
    """A function that runs, and is killed, in a forked process.

    Args:
        target: ``module:function``; the function takes texts by keyword.
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
        """Run the target; return how many lines it ran, or None if it was killed on the way."""
        assert self._nursery.stdin
        assert self._nursery.stdout
        print(json.dumps([kill_before, arguments]), file=self._nursery.stdin, flush=True)
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
    for request in sys.stdin:
        kill_before, arguments = json.loads(request)
        print(json.dumps(_fork(work, arguments, modules, kill_before)), flush=True)


def _fork(
    work: Callable[..., object],
    arguments: dict[str, str],
    modules: tuple[str, ...],
    kill_before: int | None,
) -> dict[str, Any]:
    answer, told = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(answer)
        try:
            report: dict[str, Any] = {"lines": _run(work, arguments, modules, kill_before)}
        except BaseException:
            report = {"failure": traceback.format_exc()}
        os.write(told, json.dumps(report).encode())
        os._exit(0)
    os.close(told)
    with os.fdopen(answer) as pipe:
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return {"lines": None}
    report = json.loads(text)
    return report


def _run(
    work: Callable[..., object],
    arguments: dict[str, str],
    modules: tuple[str, ...],
    kill_before: int | None,
) -> int:
    numbers = itertools.count()

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        name = frame.f_globals.get("__name__", "")
        if not name.startswith(modules):
            return None
        if event == "line" and next(numbers) == kill_before:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    threading.settrace(trace)
    sys.settrace(trace)
    try:
        work(**arguments)
    finally:
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type] # typeshed forgets that None ends it
    return next(numbers)


if __name__ == "__main__":
    _serve(sys.argv[1], tuple(sys.argv[2:]))
