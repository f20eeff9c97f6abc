"""The sealed audit log: seals, proofs, the export and its verification.

``--events N`` sets the number of events (a million by default). The events have 400 bytes, and no
tables: they are enough for the log. Processor times are those of this process, without Postgres.
"""

import itertools
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks._costs import processor_s
from benchmarks._owner import owner_of
from benchmarks._report import Measured, report
from benchmarks.register import new_version
from pedigree import Registry, Settings
from pedigree.audit import log
from pedigree.audit.verifier.export import verify_export
from pedigree.audit.verifier.notes import LogKey
from pedigree.registry.log_sealing import LogSealing

_MILLION = 1_000_000
_CHUNK = 50_000
_PROOFS = 300
# Each moves an alias of one of a thousand models, so that a replay has something to do.
_ADD = """
WITH added AS (
    INSERT INTO pedigree.event (event_id, type, canonical, leaf, at)
    SELECT id, 'alias.set', content, sha256('\\x00'::bytea || content), clock_timestamp()
    FROM (
        SELECT gen_random_uuid() AS id, number %% 1000 AS model
        FROM generate_series(1, %(many)s) AS number
    ) AS ids,
        convert_to(format(
            '{"actor":{"name":"benchmark","source":"benchmark"},"at":"2026-05-04T09:30:00Z","body":'
            '{"alias":"best","filler":"%%s","generation":7},"event_id":"%%s","model":"m%%s",'
            '"type":"alias.set","version":3}',
            repeat('x', 180), id, model
        ), 'UTF8') AS content
    RETURNING id
)
INSERT INTO pedigree.unsequenced (id) SELECT id FROM added
"""
_ROUNDS = 5
_ROUND_S = 6.0
_LAG = """
SELECT percentile_cont(0.99) WITHIN GROUP (ORDER BY lag) AS p99, count(*) AS events
FROM (
    SELECT extract(epoch FROM min(c.sealed_at) - e.at) AS lag
    FROM pedigree.feed f JOIN pedigree.event e USING (id)
    JOIN pedigree.log_checkpoint c ON c.size >= f.seq
    WHERE f.seq > %(after)s AND e.type = 'version.created'
    GROUP BY e.id, e.at
) AS lags
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
    yield from _load(registry, home)


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
    for what, tables, target in (
        ("tree and signatures", False, 500_000 / 5),
        ("… with the replay of the events", True, 500_000 / 15),
    ):
        wall, processor = _timed(partial(verify_export, folder, keys, tables=tables))
        yield _rate(f"events verified from the export, {what}, per second", count / wall, target)
        yield _rate("… per second of processor time", count / processor)


def _load(registry: Registry, home: Path) -> Iterator[Measured]:
    """Register versions with the sealer off and on, by turns."""
    costs: dict[bool, list[float]] = {False: [], True: []}
    lags: list[float] = []
    numbers = itertools.count()
    for _ in range(_ROUNDS):
        for seals in (False, True):
            LogSealing(registry).seal()
            before = registry.operations.audit.newest_checkpoint().size
            costs[seals].append(_cost(registry, home, numbers, seals=seals))
            if seals:
                LogSealing(registry).seal()
                found = registry.database.fetch_all(_LAG, {"after": before})[0]
                lags.append(float(found["p99"]))
    ratios = [on / off for off, on in zip(costs[False], costs[True], strict=True)]
    yield Measured(
        what="processor time of a registration with the sealer on, against off",
        value=median(ratios),
        unit="times",
        target=1.05,
        at_least=False,
    )
    yield Measured(
        what="… of this process and Postgres, with it off",
        value=median(costs[False]) * 1000,
        unit="ms",
    )
    yield Measured(
        what="from a registration to its checkpoint, p99 of the worst round",
        value=max(lags),
        unit="s",
        target=2,
        at_least=False,
    )


def _cost(registry: Registry, home: Path, numbers: Iterator[int], *, seals: bool) -> float:
    """Return the processor time of a registration, in this process and in Postgres.

    Without the sealer, events get their places once a second, as each service gives them.
    """
    stop, sealer = threading.Event(), LogSealing(registry)
    sealer.seal()

    def sequence() -> None:
        while not stop.wait(1):
            log.sequence(registry.database)

    work = partial(sealer.run, stop=stop) if seals else sequence
    working = threading.Thread(target=work)
    working.start()
    began, used, done = time.perf_counter(), _processor(registry), 0
    while time.perf_counter() - began < _ROUND_S:
        file = home / "weights"
        file.write_text(str(next(numbers)))
        registry.register("churn", file, new_version(f"run-{file.stem}-{done}"))
        done += 1
    spent = _processor(registry) - used
    stop.set()
    working.join()
    return spent / done


def _processor(registry: Registry) -> float:
    server = registry.database.server
    pid = server.status().pid if server else None
    return time.process_time() + (processor_s(pid) if pid else 0)


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
