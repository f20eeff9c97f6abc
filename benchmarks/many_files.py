"""The time of ``folder()`` for 2,000 small files, as a multiple of that of ``pull()``.

Both hash and write the same files, so the ratio shows what the cache adds. A second figure shows
whether the time of a file grows with the number of files.
"""

import functools
import shutil
import sys
from pathlib import Path

from benchmarks import _bytes
from benchmarks._report import Measured, report
from pedigree import Registry

_FILES = 2000
_FEWER = 200
_BYTES = 1000


def main() -> int:
    """Measure and report; return the exit code."""
    with _bytes.scratch() as folder, _bytes.registry(folder / "home") as registry:
        fewer_pull, fewer_folder, _ = _times(registry, folder, _FEWER)
        pull, cold, warm = _times(registry, folder, _FILES)
    growth = (cold / _FILES) / (fewer_folder / _FEWER)
    return report(
        [
            _at_most(f"folder() of {_FILES} files, of the time of pull()", cold / pull, 5.0),
            _at_most(f"folder() again, of the time of pull(), {_FILES} files", warm / pull, 1.0),
            _at_most(f"time of a file in folder(), {_FILES} files of {_FEWER}", growth, 2.0),
            Measured(what=f"pull() of {_FILES} files", value=pull, unit="s"),
            Measured(what=f"pull() of {_FEWER} files", value=fewer_pull, unit="s"),
            Measured(what=f"folder() of {_FILES} files", value=cold, unit="s"),
        ],
        sys.argv[1:],
    )


def _times(registry: Registry, folder: Path, count: int) -> tuple[float, float, float]:
    """Return the seconds of a pull, of a first ``folder()``, and of a second one."""
    source, name = folder / f"source-{count}", f"files-{count}"
    source.mkdir()
    for number in range(count):
        content = f"{count}/{number}\n".encode() * (_BYTES // 10)
        (source / f"file-{number}").write_bytes(content)
    registry.register(name, source, _bytes.NEW)
    reference, target = f"{name}/1", folder / f"pulled-{count}"
    pull = _bytes.timed(functools.partial(registry.pull, reference, target))
    shutil.rmtree(target)
    cold = _bytes.timed(functools.partial(registry.folder, reference))
    warm = _bytes.timed(functools.partial(registry.folder, reference))
    return pull, cold, warm


def _at_most(what: str, value: float, target: float) -> Measured:
    return Measured(what=what, value=value, unit="x", target=target, at_least=False)


if __name__ == "__main__":
    sys.exit(main())
