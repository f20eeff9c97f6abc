"""What the door of the web page costs a service that also serves the API: memory and throughput."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import psutil

from benchmarks import _load
from benchmarks._processor import Sessions, processor_of_tree
from benchmarks._report import Measured
from benchmarks._servers import Running, running
from benchmarks._turns import by_turns
from benchmarks._web_pages import Reader

_ALONE, _BOTH = "rest", "rest web"
_ROUNDS = 15
_REQUESTS, _CONNECTIONS = 200, 2
_MOST_RATIO, _MOST_MB = 1.03, 30.0


def doors(
    program: list[str | Path],
    environment: Mapping[str, str],
    secret: str,
    names: list[str],
    sessions: Sessions,
) -> Iterator[Measured]:
    """Yield what a process with both doors takes, against one with the API alone.

    Args:
        program: The service.
        environment: Its settings.
        secret: A token.
        names: The names of models that are read.
        sessions: The sessions of Postgres that both use.
    """
    with ExitStack() as ending:
        served = {
            doors: ending.enter_context(
                running(program, {**environment, "PEDIGREE_DOORS": doors}, "/livez")
            )
            for doors in (_ALONE, _BOTH)
        }
        reader = Reader(served[_BOTH], secret)
        for name in names:
            reader.read(f"/models/{name}/versions/1")
            reader.read(f"/models/{name}")
        reader.read("/")
        paths = [f"/api/v1/models/{name}/versions/1" for name in names]
        blocks = {
            doors: partial(_block, Reader(server, secret), paths, sessions)
            for doors, server in served.items()
        }
        found = by_turns(blocks, _ROUNDS).ratio(_BOTH, _ALONE)
        yield Measured(
            what=f"processor time of the API's reads with the door of pages ({found})",
            value=found.value,
            unit="times",
            target=_MOST_RATIO,
            at_least=False,
        )
        used = {doors: _megabytes(server) for doors, server in served.items()}
        yield Measured(
            what=f"memory of a process with pages that were opened, beyond {used[_ALONE]:.0f} MB",
            value=used[_BOTH] - used[_ALONE],
            unit="MB",
            target=_MOST_MB,
            at_least=False,
        )


def _block(reader: Reader, paths: list[str], sessions: Sessions) -> float:
    wanted = [
        reader.request(paths[number % len(paths)], "application/json").encode()
        for number in range(_REQUESTS)
    ]
    before, began = sessions.processor_s(), processor_of_tree(reader.server.pid)
    done = _load.drive(reader.server.port, 0, _CONNECTIONS, [wanted] * _CONNECTIONS)
    if done["refused"]:
        raise SystemExit(done["refused"])
    used = processor_of_tree(reader.server.pid) - began + sessions.since(before)
    return float(used) / (_CONNECTIONS * _REQUESTS)


def _megabytes(server: Running) -> float:
    root = psutil.Process(server.pid)
    # What each has alone, since workers share pages with the process that forked them.
    return sum(each.memory_full_info().uss for each in (root, *root.children(recursive=True))) / 1e6
