"""The time of ``pedigree --help``, compared with a process that loads only typer and rich.

Both run in turn, so that a busy machine slows both; the bytecode is cached.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks._report import Measured, report

_HELP = (str(Path(sys.executable).with_name("pedigree")), "--help")
# The minimum that a typer command line imports.
_BARE = (sys.executable, "-c", "import typer, rich")
_TARGET_S = 0.25
_FIRST_TARGET_S = 4.0
_TARGET_RATIO = 2.5
_TIMES = 10


class Cost(NamedTuple):
    """The wall and processor time of a process."""

    seconds: float
    processor: float


def main() -> int:
    """Measure and report; return the exit code."""
    # With a separate bytecode cache the first run is like a fresh installation, and the others are
    # warm, wherever this runs.
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": cache}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        first = _cost(_HELP, environment)
        _cost(_BARE, environment)
        turns = [(_cost(_HELP, environment), _cost(_BARE, environment)) for _ in range(_TIMES)]
    shown, bare = map(_median, zip(*turns, strict=True))
    return report(
        [
            _measured("pedigree --help, median", shown.seconds, "s", _TARGET_S),
            _measured("import typer, rich, median", bare.seconds, "s"),
            _measured("ratio of the medians", shown.seconds / bare.seconds, "x", _TARGET_RATIO),
            _measured("ratio of the processor times", shown.processor / bare.processor, "x"),
            _measured("pedigree --help, nothing compiled yet", first.seconds, "s", _FIRST_TARGET_S),
        ],
        sys.argv[1:],
    )


def _cost(command: Sequence[str], environment: dict[str, str]) -> Cost:
    before, started = _processor_time(), time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    return Cost(time.perf_counter() - started, _processor_time() - before)


def _median(costs: Iterable[Cost]) -> Cost:
    return Cost(*map(statistics.median, zip(*costs, strict=True)))


def _processor_time() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _measured(what: str, value: float, unit: str, target: float | None = None) -> Measured:
    return Measured(what=what, value=value, unit=unit, target=target, at_least=False)


if __name__ == "__main__":
    sys.exit(main())
