"""Publish and pull on a disk of 8 MiB: ``unshare -rm python -m … DATABASE_URL HOME BIG SMALL``.

Prints as JSON the errors met, and what was left on the disk by each.
"""

import json
import subprocess
import sys
from pathlib import Path

from pedigree.artifacts.objects import open_store
from pedigree.artifacts.store_owner import OWNERS
from pedigree.errors import PedigreeError
from pedigree.postgres.database import Database
from tests.artifacts.probes import contents
from tests.artifacts.publishing import forget_bytes, publish_and_seal, pull_to


def _files(folder: Path) -> list[str]:
    return [each for each in contents(folder) if f"/{OWNERS}" not in f"/{each}"]


if __name__ == "__main__":
    database_url, home, big, small = sys.argv[1:]
    disk, roomy = Path(home) / "disk", open_store(None, Path(home) / "roomy")
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(disk)], check=True)
    outcome = {}
    with Database.connect(database_url) as database:
        store = open_store((disk / "objects").as_uri(), Path(home))
        try:
            publish_and_seal(database, store, Path(big))
        except PedigreeError as error:
            outcome["publish"] = [type(error).__name__, str(error), _files(disk)]
        publish_and_seal(database, store, Path(small))
        store.delete(_files(disk / "objects"))
        forget_bytes(database)
        manifest = publish_and_seal(database, roomy, Path(big))
        try:
            pull_to(database, roomy, manifest, disk / "pulled")
        except PedigreeError as error:
            outcome["pull"] = [type(error).__name__, str(error), _files(disk)]
        pull_to(database, roomy, publish_and_seal(database, roomy, Path(small)), disk / "pulled")
        outcome["retried"] = _files(disk / "pulled")
    sys.stdout.write(json.dumps(outcome))
