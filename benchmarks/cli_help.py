"""The time of ``pedigree --help``: the median of ten processes, with cached bytecode."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks._report import Measured, report

_TARGET_S = 0.4
_TIMES = 10


def main() -> int:
    """Measure and report; return the exit code."""
    # With a separate bytecode cache the first run is like a fresh installation, and the others are
    # warm, wherever this runs.
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": cache}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        first = _seconds(environment)
        later = [_seconds(environment) for _ in range(_TIMES)]
    return report(
        [
            _measured("pedigree --help, median", statistics.median(later), _TARGET_S),
            _measured("pedigree --help, nothing compiled yet", first, 10 * _TARGET_S),
        ],
        sys.argv[1:],
    )


def _seconds(environment: dict[str, str]) -> float:
    command = [str(Path(sys.executable).with_name("pedigree")), "--help"]
    started = time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def _measured(what: str, seconds: float, target: float) -> Measured:
    return Measured(what=what, value=seconds, unit="s", target=target, at_least=False)


if __name__ == "__main__":
    sys.exit(main())
