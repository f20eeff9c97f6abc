"""The registry that the benchmarks read: 1,000,000 versions, 10,000 models with 100 each.

It is created once, by COPY into an embedded Postgres, and kept in a folder named after this
generator's version and the schema's migrations: in ``.bench`` of this checkout, or ``--data DIR``.
``python -m benchmarks._million`` recreates it and reports how long that took.

It has the rows of models, versions, artifacts, trainings, environments, tenures (history and
present), model cards (3 %) and lineage (10 %). It lacks what reads of these do not touch: events,
verdicts, and the bytes in the object store. So verbs that read bytes or the feed find nothing.
"""

import hashlib
import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from benchmarks import _bulk_load as bulk
from benchmarks import _million_rows as rows
from benchmarks import _million_tenures as tenures
from benchmarks._million_rows import Shape
from benchmarks._report import Measured, report
from pedigree.postgres import Database, EmbeddedPostgres
from pedigree.postgres.migrate import all_migrations, migrate

GENERATOR = 1
"""The generator's version: increase it when the rows change, so that old ones are not used."""

_TARGET_S = 180.0
_VERSIONS_AT_ONCE = 20_000
# COPY into a table that the same transaction emptied writes no WAL with wal_level minimal, and one
# sync at the end suffices. Later users of the registry have the default settings.
_LOADING = {
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
    "fsync": "off",
}


def _derived(
    name: str,
    *,
    source: str = "source",
    rows: str = "source.*",
    order: str = "",
    depends_on: str | None = None,
) -> bulk.Derived:
    table = f"pedigree.search_{name}"
    source = f"{table}_{source}"
    fill = f"TRUNCATE {table}; INSERT INTO {table} SELECT {rows} FROM {source} AS source {order}"
    return bulk.Derived(table, fill, depends_on and f"pedigree.search_{depends_on}")


_COUNTS = "versions, logical_bytes, artifacts, files, blobs, stored_bytes, archived_bytes"

# The longest first, unless one depends on another.
_DERIVED = (
    # From joins of whole tables instead of look-ups for each version. The other two views of this
    # kind save no more than it takes to sort their rows by time, as a registry has them.
    _derived("version", source="in_bulk", order="ORDER BY created_at"),
    _derived("record"),
    _derived("model", depends_on="version"),
    _derived("text", depends_on="version"),
    _derived("term", depends_on="version"),
    _derived("metric", depends_on="version"),
    _derived("mlflow", depends_on="version"),
    _derived("mlflow_tag", depends_on="mlflow"),
    _derived("word", rows="DISTINCT word"),
    bulk.Derived(
        "pedigree.statistic",
        f"TRUNCATE pedigree.statistic; INSERT INTO pedigree.statistic ({_COUNTS})"
        f" SELECT {_COUNTS} FROM pedigree.statistic_source",
    ),
)


def main() -> int:
    """Recreate the registry and report; return the exit code."""
    home = _home(sys.argv[1:])
    seconds = _make(home)
    what = f"load of {Shape().rows} versions with indexes and statistics"
    figure = Measured(what=what, value=seconds, unit="s", target=_TARGET_S, at_least=False)
    print(f"in {home}", file=sys.stderr)
    return report([figure], sys.argv[1:])


def million(words: list[str]) -> Path:
    """Return the home folder of the registry; create it if it does not exist."""
    home = _home(words)
    if not home.exists():
        seconds = _make(home)
        print(f"{home} was created in {seconds:.0f} s", file=sys.stderr)
    return home


def thousand(words: list[str]) -> Path:
    """Return the home folder of a registry with 1,000 versions of 10 models."""
    return _made(words, "thousand", Shape(models=10))


def small(words: list[str], *shapes: Shape) -> Path:
    """Return the home folder of a registry of other shapes; create it if it does not exist."""
    name = "-and-".join(f"{shape.models}-by-{shape.versions}" for shape in shapes)
    return _made(words, name, *shapes)


def _made(words: list[str], name: str, *shapes: Shape) -> Path:
    home = _home(words).with_name(_home(words).name.replace("million", name))
    if not home.exists():
        _make(home, *shapes)
    return home


def fill(url: str, *shapes: Shape) -> None:
    """Copy the versions of some shapes into an empty migrated database."""
    bulk.load(url, partial(_copy_all, url, shapes), _DERIVED)


def _home(words: list[str]) -> Path:
    folder = Path(__file__).parents[1] / ".bench"
    if "--data" in words:
        folder = Path(words[words.index("--data") + 1])
    text = " ".join(migration.checksum for migration in all_migrations())
    schema = hashlib.sha256(text.encode()).hexdigest()[:12]
    return folder.absolute() / f"million-{GENERATOR}-{schema}"


def _make(home: Path, *shapes: Shape) -> float:
    beside = home.with_name(f"{home.name}.new")
    for folder in (home, beside):
        EmbeddedPostgres(folder).stop(force=True)
        shutil.rmtree(folder, ignore_errors=True)
    server = EmbeddedPostgres(beside, settings=_LOADING)
    with Database.embedded(server) as database:
        migrate(database)
    started = time.perf_counter()
    fill(server.url("pedigree"), *(shapes or (Shape(),)))
    server.stop()  # with a checkpoint, so that no write is pending
    os.sync()
    seconds = time.perf_counter() - started
    beside.rename(home)
    return seconds


def _copy_all(url: str, shapes: Sequence[Shape]) -> None:
    parts = (_copy_records, _copy_bytes)
    with ProcessPoolExecutor(len(parts), mp_context=get_context("spawn")) as pool:
        for done in [pool.submit(part, url, shapes) for part in parts]:
            done.result()


def _copy_records(url: str, shapes: Sequence[Shape]) -> None:
    with bulk.Copying(url, rows.COLUMNS | tenures.COLUMNS) as copying:
        for shape, stretch in _stretches(shapes):
            copying.copy(rows.RecordLines(shape, stretch).lines())


def _copy_bytes(url: str, shapes: Sequence[Shape]) -> None:
    with bulk.Copying(url, rows.COLUMNS | tenures.COLUMNS) as copying:
        copying.copy({"environment": list(rows.environment_lines())})
        for shape in shapes:
            copying.copy(tenures.model_lines(shape))
        for shape, stretch in _stretches(shapes):
            copying.copy(rows.ByteLines(shape, stretch).lines())
        copying.count_on("registered_model", "model_id")


def _stretches(shapes: Sequence[Shape]) -> Iterator[tuple[Shape, range]]:
    for shape in shapes:
        for first in range(0, shape.rows, _VERSIONS_AT_ONCE):
            yield shape, range(first, min(first + _VERSIONS_AT_ONCE, shape.rows))


if __name__ == "__main__":
    sys.exit(main())
