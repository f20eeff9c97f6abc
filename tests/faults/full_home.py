"""Fill the disk under an embedded home: ``unshare -rm python -m tests.faults.full_home HOME``.

Prints as JSON the errors, what was acknowledged and is missing, and what `fsck` found at the end.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from pedigree.errors import PedigreeError
from pedigree.postgres import EmbeddedPostgres
from pedigree.registry import Registry
from pedigree.settings import Settings
from tests.factories import artifact, new_version

SIZE_MB = 160
# Left when the disk is nearly full: less than two artifacts of a megabyte, and than a segment of
# Postgres's log.
LEFT = 3 << 20
TRIES = 200


class Filling:
    """What was tried on a disk that fills up."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.acknowledged: list[str] = []
        self.errors: dict[str, str] = {}

    def until_refused(self, what: str, work: Callable[[int], str]) -> None:
        """Repeat some work until it fails, with a typed error."""
        for number in range(TRIES):
            try:
                self.acknowledged.append(work(number))
            except PedigreeError as error:
                self.errors[what] = f"{type(error).__name__}: {error}"
                return

    def fill(self) -> Path:
        """Take all space but a little."""
        ballast = self._home / "ballast"
        with ballast.open("wb") as file:
            free = int(subprocess.check_output(["stat", "-f", "-c", "%a", str(self._home)])) * 4096
            for _ in range(max(0, free - LEFT) >> 20):
                file.write(bytes(1 << 20))
        return ballast


def main(home: Path) -> dict[str, object]:
    """Fill the disk, free it, and return what was found."""
    home.mkdir()
    size = f"size={SIZE_MB}m"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "none", str(home)], check=True)
    sources = home.with_name("sources")
    settings = {"fsync": "off", "min_wal_size": "32MB", "max_wal_size": "48MB", "autovacuum": "off"}
    server = EmbeddedPostgres(home, settings=settings)
    server.ensure()
    filling = Filling(home)
    with Registry.connect(settings=Settings(home=home, actor="tester")) as registry:

        def add(number: int) -> str:
            path = artifact(sources / str(number), f"{number}" * 500_000)
            return registry.register("churn", path, new_version()).version.reference

        add(0)
        ballast = filling.fill()
        filling.until_refused("register", lambda number: add(number + 1))
        filling.until_refused(
            "describe",
            lambda _: registry.update("churn/1", description=os.urandom(30_000).hex()).reference,
        )
        ballast.unlink()
        filling.acknowledged.append(add(TRIES + 1))
        found = {version.reference for version in registry.versions("churn", limit=1000)}
        report = registry.fsck(hashes=True)
    server.stop(force=True)
    return {
        "errors": filling.errors,
        "missing": sorted(set(filling.acknowledged) - found),
        "violations": [str(check) for check in report.checks if check.violations],
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]))))
