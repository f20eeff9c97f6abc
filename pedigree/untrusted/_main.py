"""The child process that reads untrusted files: it confines itself, then does one job.

A job is a function of a module of Pedigree. It takes the request, a JSON value, and yields JSON
values, each of which becomes a line of the answer. The first line says how the process is confined,
and that its modules are loaded; the last one that the job ended, and why it stopped early.
"""

import importlib
import json
import sys
from collections.abc import Callable, Iterable
from typing import Any

from pedigree.untrusted._confine import confine

OUT_OF_MEMORY = "memory"


def main(job: str, memory: str, seconds: str) -> None:
    """Do the job ``module:function``, with the request from the standard input."""
    module, _, name = job.partition(":")
    work: Callable[[Any], Iterable[Any]] = getattr(importlib.import_module(module), name)
    request = json.load(sys.stdin)
    _write({"network": confine(int(memory), int(seconds))})
    _write({"stopped": _stop_of(work, request)})


def _stop_of(work: Callable[[Any], Iterable[Any]], request: Any) -> str | None:
    """Write the answers of a job; return why it stopped early, or None."""
    try:
        for answer in work(request):
            _write({"answer": answer})
    except MemoryError:
        return OUT_OF_MEMORY
    except Exception as error:  # parsers of untrusted bytes raise anything
        return f"{type(error).__name__}: {error}"[:300]
    return None


def _write(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
