"""The time for storing 2 GiB in the local folder, and the memory for 8 GiB.

``register`` hashes every byte, copies it and syncs it to the disk. The limit is measured in the
same run: ``sha256sum`` and ``cp`` of the same files, one after the other; neither of them syncs.
``--short`` skips the 8 GiB.
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
        if _bytes.endurance_fits(folder, words, copies=2):
            figures.append(_endure(folder))
    return report(figures, words)


def _measure(folder: Path) -> Measured:
    source = folder / "source"
    _bytes.write_artifact(source)
    limits, times = [], []
    for number in range(_bytes.ROUNDS):
        limits.append(_bytes.limit(source, folder / "copy"))
        home = folder / f"home-{number}"
        with _bytes.registry(home) as registry:
            work = functools.partial(registry.register, _bytes.MODEL, source, _bytes.NEW)
            times.append(_bytes.timed(work))
        shutil.rmtree(home / "objects")
    shutil.rmtree(source)
    return _bytes.slower_than(f"publishing {_bytes.WHAT}", min(times), min(limits))


def _endure(folder: Path) -> Measured:
    source = folder / "large"
    _bytes.write_large(source)
    grown = _bytes.grown_mib(functools.partial(_bytes.register, folder / "home-8", source))
    return _bytes.growth("memory for publishing a folder of 8 GiB", grown)


if __name__ == "__main__":
    sys.exit(main())
