"""What hostile files cost the process that works on them, and the process that reads them.

Four files: a zip of 4 MB that expands as far as it may, a pickle of 4 MB of opcodes, a skops file
whose schema is 500 MB of blanks, and a registration of 3.7 MB of paths with hundreds of parts.
Each is worked on in a new process, whose memory and processor time are those beyond its imports.
"""

import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from benchmarks._report import Measured, report

_MIB = 1 << 20
_PATHS = 3400


def main() -> int:
    """Measure and report; return the exit code."""
    if len(sys.argv) > 2 and sys.argv[1] in _WORK:
        return _work(sys.argv[1], Path(sys.argv[2]))
    figures: list[Measured] = []
    with tempfile.TemporaryDirectory(prefix="pedigree-bench-") as folder:
        for name, make in _FILES.items():
            place = Path(folder) / name
            place.mkdir()
            make(place)
            figures += _measured(name, place)
    return report(figures, sys.argv[1:])


def _measured(name: str, place: Path) -> list[Measured]:
    command = [sys.executable, "-m", "benchmarks.untrusted", name, str(place)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    asks = f"of the process that asks ({found['answer']})"
    return [
        Measured(what=f"{name}: {what}", value=found[key], unit=unit, target=most, at_least=False)
        for what, key, unit, most in (
            (f"memory {asks}", "memory", "MiB", 32),
            (f"processor {asks}", "seconds", "s", 1),
            ("memory of the process that reads", "memory_of_reader", "MiB", 1024),
            ("processor of the process that reads", "seconds_of_reader", "s", None),
        )
    ]


def _work(name: str, place: Path) -> int:
    """Work on one file in this process, and print what it cost."""
    work = _WORK[name]()
    memory, started = _peak(), time.process_time()
    answer = work(place)
    reader = resource.getrusage(resource.RUSAGE_CHILDREN)
    cost = {
        "answer": answer,
        "memory": _peak() - memory,
        "seconds": time.process_time() - started,
        "memory_of_reader": reader.ru_maxrss / 1024,
        "seconds_of_reader": reader.ru_utime + reader.ru_stime,
    }
    print(json.dumps(cost))
    return 0


def _peak() -> float:
    """Return this process's highest memory in MiB; that of ``getrusage`` includes its parent's."""
    status = Path("/proc/self/status").read_text("ascii")
    (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
    return int(kilobytes) / 1024


def _scanning() -> Callable[[Path], str]:
    import picklescan.scanner  # noqa: F401, PLC0415 - the memory counts from here

    from pedigree.artifacts.scan import scan  # noqa: PLC0415

    return lambda place: "; ".join(sorted({each.reason or each.kind for each in scan(place)}))


def _loading() -> Callable[[Path], str]:
    import sklearn.base  # noqa: F401, PLC0415
    import skops.io  # noqa: F401, PLC0415

    from pedigree.errors import PedigreeError  # noqa: PLC0415
    from pedigree.flavors.plugins import get_flavor  # noqa: PLC0415

    flavor = get_flavor("sklearn")

    def load(place: Path) -> str:
        try:
            flavor.load(place)
        except PedigreeError as error:
            return error.message
        return "loaded"

    return load


def _registering() -> Callable[[Path], str]:
    from pedigree.artifacts.assemble import list_files  # noqa: PLC0415
    from pedigree.artifacts.records import ManifestFile  # noqa: PLC0415
    from pedigree.errors import PedigreeError  # noqa: PLC0415
    from pedigree.signatures.records import Signature, Tensor  # noqa: PLC0415

    port = Tensor(dtype="float32", shape=(1,))
    signature = Signature(inputs=(port,), outputs=(port,))

    def register(place: Path) -> str:
        paths = json.loads((place / "paths.json").read_text("utf-8"))
        files = [ManifestFile(path=path, size=1, digest=f"sha256:{'0' * 64}") for path in paths]
        try:
            list_files("generic", signature, files)
        except PedigreeError as error:
            return error.message
        return "accepted"

    return register


def _write_zip(place: Path) -> None:
    with zipfile.ZipFile(place / "model.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("weights", os.urandom(4 * _MIB) + bytes(430 * _MIB))


def _write_pickle(place: Path) -> None:
    (place / "model.pkl").write_bytes(b"\x80\x04" + b"N0" * (2 * _MIB) + b"N.")


def _write_blanks(place: Path) -> None:
    with (
        zipfile.ZipFile(place / "model.skops", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("schema.json", "w") as member,
    ):
        member.write(b"{}")
        for _ in range(500):
            member.write(b" " * _MIB)


def _write_paths(place: Path) -> None:
    deep = "/".join("x" * 500)
    (place / "paths.json").write_text(json.dumps([f"{deep}/{each:04}" for each in range(_PATHS)]))


_FILES = {
    "zip of 4 MB": _write_zip,
    "pickle of 4 MB": _write_pickle,
    "500 MB of blanks": _write_blanks,
    "3.7 MB of paths": _write_paths,
}
_WORK = {
    "zip of 4 MB": _scanning,
    "pickle of 4 MB": _scanning,
    "500 MB of blanks": _loading,
    "3.7 MB of paths": _registering,
}


if __name__ == "__main__":
    sys.exit(main())
