"""Publish and seal one artifact: ``python -m … DATABASE_URL STORE_URL PATH HOME``.

Prints its digest, and by how many MiB the process grew meanwhile.
"""

import resource
import sys
from pathlib import Path

from pedigree.artifacts.objects import open_store
from pedigree.postgres.database import Database
from tests.artifacts.publishing import publish_and_seal


def _peak_mib() -> int:
    # What getrusage says is inherited from the parent, and would hide growth below its size.
    status = Path("/proc/self/status")
    if not status.exists():  # macOS, in bytes
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 20
    (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) // 1024


if __name__ == "__main__":
    database_url, store_url, path, home = sys.argv[1:]
    with Database.connect(database_url) as database:
        store = open_store(store_url, Path(home))
        before = _peak_mib()
        digest = publish_and_seal(database, store, Path(path)).digest
        sys.stdout.write(f"{digest} {_peak_mib() - before}\n")
