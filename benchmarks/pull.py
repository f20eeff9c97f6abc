"""The time for pulling and verifying 2 GiB from the local folder, and the memory for 8 GiB.

The limit is measured in the same run: ``sha256sum`` and ``cp`` of the same files, one after the
other. ``--short`` skips the 8 GiB.
"""

import functools
import shutil
import sys
from pathlib import Path

from benchmarks import _bytes
from benchmarks._report import Measured, report


def main() -> int:
    """Measure and report; return the exit code."""
    words = sys.argv[1:]
    with _bytes.scratch() as folder:
        figures = [_measure(folder)]
        if _bytes.endurance_fits(folder, words, copies=3):
            figures.append(_endure(folder))
    return report(figures, words)


def _measure(folder: Path) -> Measured:
    source, target = folder / "source", folder / "pulled"
    _bytes.write_artifact(source)
    limits, times = [], []
    with _bytes.registry(folder / "home") as registry:
        registry.register(_bytes.MODEL, source, _bytes.NEW)
        for _ in range(_bytes.ROUNDS):
            limits.append(_bytes.limit(source, folder / "copy"))
            work = functools.partial(registry.pull, f"{_bytes.MODEL}/1", target)
            times.append(_bytes.timed(work))
            shutil.rmtree(target)
    shutil.rmtree(source)
    return _bytes.slower_than(f"pulling {_bytes.WHAT}", min(times), min(limits))


def _endure(folder: Path) -> Measured:
    source, home = folder / "large", folder / "home-8"
    _bytes.write_large(source)
    _bytes.register(home, source)
    grown = _bytes.grown_mib(functools.partial(_bytes.pull, home, folder / "pulled-8"))
    return _bytes.growth("memory for pulling a folder of 8 GiB", grown)


if __name__ == "__main__":
    sys.exit(main())
