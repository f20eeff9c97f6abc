"""The demo's own folder, and an environment that reaches only it."""

import os
import shutil
from pathlib import Path

from pedigree.errors import EmbeddedPostgresError, InvalidInputError, RefusedError
from pedigree.postgres.embedded import EmbeddedPostgres

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_HOME = ROOT / ".pedigree" / "demo"
MARKER = ".pedigree-demo"


def fresh_home() -> Path:
    """Empty the demo's folder, and point this process only to the registry in it.

    The folder is ``PEDIGREE_HOME``, or else ``.pedigree/demo`` next to this package.

    Raises:
        RefusedError: Another process uses the registry in it, such as ``make up``.
        InvalidInputError: It contains files that no demo wrote.
    """
    home = Path(os.environ.get("PEDIGREE_HOME") or DEFAULT_HOME).absolute()
    _empty(home)
    for name in [name for name in os.environ if name.startswith("PEDIGREE_")]:
        # With PEDIGREE_DATABASE_URL the demo would write to a real registry.
        if name not in {"PEDIGREE_ACTOR", "PEDIGREE_GIT_COMMIT", "PEDIGREE_GIT_DIRTY"}:
            del os.environ[name]
    os.environ["PEDIGREE_HOME"] = str(home)
    return home


def _empty(home: Path) -> None:
    if home.exists() and any(home.iterdir()):
        if home != DEFAULT_HOME and not (home / MARKER).is_file():
            raise InvalidInputError(
                "was not created by a demo, and the demo empties its folder",
                field="PEDIGREE_HOME",
                value=str(home),
                remedy="Set it to an empty folder, or unset it",
            )
        try:
            EmbeddedPostgres(home).stop()
        except EmbeddedPostgresError as error:
            raise RefusedError(
                f"the demo needs an empty folder, but its registry is in use: {error.message}",
                remedy="Stop `make up` first (Ctrl-C, or `make down`)",
            ) from error
        shutil.rmtree(home)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    (home / MARKER).write_text("`python -m demo` made this folder and empties it at each start.\n")
