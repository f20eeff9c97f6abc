"""The sealed audit log: seals, proofs, the export and its verification.

``--events N`` sets the number of events (a million by default). The events have 400 bytes, and no
tables: they are enough for the log. Processor times are those of this process, without Postgres.
"""

import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks._owner import owner_of
from benchmarks._report import Measured, report
from pedigree import Registry, Settings
from pedigree.audit import log
from pedigree.audit.verifier.export import verify_export
from pedigree.audit.verifier.notes import LogKey
from pedigree.registry.log_sealing import LogSealing

_MILLION = 1_000_000
_CHUNK = 50_000
_PROOFS = 300
_ADD = """
WITH added AS (
    INSERT INTO pedigree.event (event_id, type, canonical, leaf, at)
    SELECT id, 'member.failed', content, sha256('\\x00'::bytea || content), clock_timestamp()
    FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, %(many)s)) AS ids,
        convert_to(format('{"event_id":"%%s","filler":"%%s"}', id, repeat('x', 340)), 'UTF8')
            AS content
    RETURNING id
)
INSERT INTO pedigree.unsequenced (id) SELECT id FROM added
"""


def main() -> int:
    """Measure and report; return the exit code."""
    words = sys.argv[1:]
    events = int(words[words.index("--events") + 1]) if "--events" in words else _MILLION
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        settings = Settings(
            home=home / "home",
            actor="benchmark",
            audit_key="database",
            secret_key="A" * 43 + "=",
        )
        with Registry.connect(settings=settings) as registry:
            figures = list(_measured(registry, home, events))
            server = registry.database.server
        if server is not None:
            server.stop()
    return report(figures, words)


def _measured(registry: Registry, home: Path, events: int) -> Iterator[Measured]:
    for _ in range(0, events, _CHUNK):
        _add(registry, _CHUNK)
    sealing = LogSealing(registry)
    wall, processor = _timed(sealing.seal)
    yield _rate("events sealed at once, per second", events / wall, _MILLION / 15)
    yield _rate("… per second of processor time", events / processor)
    rows = registry.database.fetch_all(
        "SELECT count(*) AS rows, pg_total_relation_size('pedigree.log_block') AS bytes"
        " FROM pedigree.log_block"
    )[0]
    yield Measured(what="blocks", value=rows["rows"], unit="rows")
    yield Measured(what="blocks with their index", value=rows["bytes"] / 1024, unit="KiB")
    for more in (1, 100, 199):
        _add(registry, more)
        wall, _ = _timed(sealing.seal)
        yield Measured(what=f"a seal of {more} more events", value=wall * 1000, unit="ms")
    yield from _proofs(registry, events)
    yield from _export(registry, home / "export")


def _proofs(registry: Registry, events: int) -> Iterator[Measured]:
    choose, audit = random.Random(7), registry.operations.audit
    places = [choose.randint(1, events) for _ in range(_PROOFS)]
    times = [_timed(partial(audit.prove_event, place)) for place in places]
    walls, processors = zip(*times, strict=True)
    yield Measured(
        what="inclusion proof, median",
        value=median(walls) * 1000,
        unit="ms",
        target=10,
        at_least=False,
    )
    yield Measured(what="… of processor time", value=median(processors) * 1000, unit="ms")
    wall, _ = _timed(partial(audit.prove_consistency, events // 3, events))
    yield Measured(what="consistency of a third with all", value=wall * 1000, unit="ms")


def _export(registry: Registry, folder: Path) -> Iterator[Measured]:
    wall, _ = _timed(partial(registry.operations.audit.export_log, folder))
    count = registry.operations.audit.newest_checkpoint().size
    yield _rate("events exported, per second", count / wall)
    keys = [LogKey.parse(each.key) for each in registry.operations.audit.log_keys()]
    wall, processor = _timed(partial(verify_export, folder, keys))
    yield _rate("events verified from the export, per second", count / wall, 500_000 / 5)
    yield _rate("… per second of processor time", count / processor)


def _add(registry: Registry, many: int) -> None:
    owner_of(registry).transaction(
        lambda transaction: transaction.execute(_ADD, {"many": many}),
    )
    log.sequence(registry.database)


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds of some work, and its seconds of processor time in this process."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def _rate(what: str, value: float, target: float | None = None) -> Measured:
    return Measured(what=what, value=value, unit="1/s", target=target)


if __name__ == "__main__":
    sys.exit(main())
