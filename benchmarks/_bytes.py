"""Common parts of the benchmarks of publishing and pulling: files, the limit, memory."""

import multiprocessing
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks._report import Measured
from pedigree import Column, DeclaredMetadata, NewVersion, Registry, Settings, Signature
from pedigree.signatures.records import ColumnType

MIB, GIB = 1 << 20, 1 << 30
MODEL = "bytes"

# One large file and many smaller ones, as models are stored: weights and shards.
LARGE_FILE, SMALL_FILE, SMALL_FILES = GIB, 16 * MIB, 64
WHAT = f"2 GiB (a file of 1 GiB, {SMALL_FILES} of {SMALL_FILE // MIB} MiB)"
ENDURANCE_FILES, ENDURANCE_FILE = 8, GIB
MOST_SLOWER = 1.5
MOST_MIB_GROWN = 200.0
ROUNDS = 3
_BLOCK = 4 * MIB

NEW = NewVersion(
    metadata=DeclaredMetadata(
        flavor="generic",
        signature=Signature(
            inputs=(Column(name="age", type=ColumnType.DOUBLE),),
            outputs=(Column(name="score", type=ColumnType.DOUBLE),),
        ),
        run_id="benchmark",
        git_commit="0123456789abcdef0123456789abcdef01234567",
        git_dirty=False,
    )
)


@contextmanager
def scratch() -> Iterator[Path]:
    """Yield a temporary folder, with ``PEDIGREE_*`` variables of the shell unset."""
    for name in [name for name in os.environ if name.startswith("PEDIGREE_")]:
        del os.environ[name]
    with TemporaryDirectory(prefix="pedigree-bench-") as folder:
        yield Path(folder)


@contextmanager
def registry(home: Path) -> Iterator[Registry]:
    """Open the embedded registry of a folder, with default durability and a warm server."""
    with Registry.connect(settings=Settings(home=home, actor="benchmark")) as opened:
        opened.models()
        yield opened


def write_artifact(folder: Path) -> None:
    """Write the 2 GiB; all blocks differ."""
    folder.mkdir()
    _write(folder / "weights.bin", LARGE_FILE)
    for number in range(SMALL_FILES):
        _write(folder / f"shard-{number:03}.bin", SMALL_FILE)


def write_large(folder: Path) -> None:
    """Write the 8 GiB of the endurance figure."""
    folder.mkdir()
    for number in range(ENDURANCE_FILES):
        _write(folder / f"part-{number}.bin", ENDURANCE_FILE)


def _write(path: Path, size: int) -> None:
    block = bytearray(os.urandom(_BLOCK))
    with path.open("wb", buffering=0) as file:
        for number in range(size // _BLOCK):
            block[:8] = number.to_bytes(8, "little")
            file.write(block)


def timed(work: Callable[[], object]) -> float:
    """Return how many seconds the work takes, starting with no pending writes."""
    os.sync()
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def limit(source: Path, copy: Path) -> float:
    """Return how long ``sha256sum`` and then ``cp`` take for a folder's files."""
    files = sorted(source.iterdir())
    hashing: list[str | Path] = ["sha256sum", "-b", *files]
    seconds = timed(lambda: subprocess.run(hashing, check=True, stdout=subprocess.DEVNULL))
    seconds += timed(lambda: subprocess.run(["cp", "-r", source, copy], check=True))
    shutil.rmtree(copy)
    return seconds


def endurance_fits(folder: Path, words: Sequence[str], copies: int) -> bool:
    """Return whether the 8 GiB are measured: with enough disk, and without ``--short``."""
    if "--short" in words:
        return False
    free = shutil.disk_usage(folder).free
    needed = (copies * ENDURANCE_FILES * ENDURANCE_FILE) + 2 * GIB
    if free < needed:
        print(
            f"8 GiB are skipped: they need {needed // GIB} GiB of disk, {free // GIB} are free",
            file=sys.stderr,
        )
    return free >= needed


def grown_mib(work: Callable[[], object]) -> float:
    """Return by how many MiB a separate process grows during the work."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_grow, work).result()


def _grow(work: Callable[[], object]) -> float:
    before = _peak_bytes()
    work()
    return (_peak_bytes() - before) / MIB


def _peak_bytes() -> int:
    """Return the peak memory of this program; that of ``getrusage`` is inherited."""
    status = Path("/proc/self/status")
    if not status.exists():  # macOS, in bytes
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def register(home: Path, source: Path) -> None:
    """Register a folder in the registry of a home folder."""
    with registry(home) as opened:
        opened.register(MODEL, source, NEW)


def pull(home: Path, target: Path) -> None:
    """Pull the registered version into a folder."""
    with registry(home) as opened:
        opened.pull(f"{MODEL}/1", target)


def slower_than(what: str, seconds: float, limit: float) -> Measured:
    """Return a time in relation to the limit of the same run."""
    return Measured(
        what=f"{what}: {seconds:.2f} s; sha256sum and cp of the same files: {limit:.2f} s; ratio",
        value=seconds / limit,
        unit="x",
        target=MOST_SLOWER,
        at_least=False,
    )


def growth(what: str, mib: float) -> Measured:
    """Return the figure for the growth of a process's memory."""
    return Measured(what=what, value=mib, unit="MiB", target=MOST_MIB_GROWN, at_least=False)
