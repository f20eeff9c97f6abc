"""What the roles of the database cost: point reads, creations and the seven forms of searches.

Copies of one registry are used by turns, each for some milliseconds: in the application's role with
its policies and functions of the owner; by the owner of a database that never had these; and
by an owner without settings of transactions and checks of events either. A figure is the median of
the ratios within each round, of processor time of this process (over HTTP: of the service) and of
the sessions of Postgres.

``--versions N`` sets how many versions each of the 500 models has (100 by default), ``--rounds N``
how many rounds each figure has, and ``--only WORD`` measures only what has the word in its name.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import NamedTuple

from benchmarks import _load
from benchmarks._fence_sides import BARE, OFF, OFF_TEN, ON, ON_TEN, Side, sides
from benchmarks._million_rows import Shape, name_of
from benchmarks._processor import processor_of_tree
from benchmarks._report import Measured, report
from benchmarks._servers import running
from benchmarks._turns import Block, Costs, by_turns
from benchmarks.register import new_version
from benchmarks.search import cases
from pedigree.artifacts.records import ManifestFile, digest_of

_MODELS = 500
_TEN = [name_of(number) for number in range(1, _MODELS + 1, _MODELS // 10)]
_READ = 10
"""The versions of each model that are read."""
_ROUNDS = 45
_TARGET = 1.05
_CONNECTIONS = 2
_BYTES = 16 << 10
# Two of a hundred versions have the tag, and a page has a hundred hits.
_VERSIONS_PER_PAGE = 5000

_RATIOS = {
    (ON, OFF): "all models, against the owner",
    (ON_TEN, OFF_TEN): "ten models, against the owner for ten",
    (ON_TEN, OFF): "ten models, against the owner for all",
    (ON, BARE): "all models, against the owner without settings and checks",
}


class Subject(NamedTuple):
    """Something that is compared: its name, and the context in which its blocks can run."""

    what: str
    blocks: Callable[[], AbstractContextManager[Mapping[str, Block]]]


def main() -> int:
    """Measure and report; return the exit code."""
    given, _ = _options().parse_known_args()
    shape = Shape(models=_MODELS, versions=given.versions)
    figures: list[Measured] = []
    with tempfile.TemporaryDirectory() as folder, sides(Path(folder), shape, _TEN) as compared:
        for subject in _subjects(compared, shape):
            if given.only in subject.what:
                with subject.blocks() as blocks:
                    figures += _figures(subject.what, by_turns(blocks, given.rounds))
    return report(figures, sys.argv[1:])


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--versions", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=_ROUNDS)
    parser.add_argument("--only", default="")
    return parser


def _figures(what: str, costs: Costs) -> Iterator[Measured]:
    print(f"{what}: {1000 * costs.of(OFF):.3f} ms by the owner", file=sys.stderr)
    for (way, base), named in _RATIOS.items():
        if costs.has(base):
            found = costs.ratio(way, base)
            print(f"    {named}: {found.value:.3f} ({found})", file=sys.stderr, flush=True)
            yield Measured(
                what=f"{what}, {named} ({found})",
                value=found.value,
                unit="times",
                target=_TARGET,
                at_least=False,
            )


def _subjects(compared: list[Side], shape: Shape) -> Iterator[Subject]:
    yield Subject("point read over HTTP", partial(_over_http, compared))
    yield Subject("point read in process", partial(_in_process, compared, _reads, 60))
    deep = max(2, shape.rows // _VERSIONS_PER_PAGE)
    forms = {side.way: cases(side.registry, deep) for side in compared}
    for number, case in enumerate(forms[OFF]):
        search = {way: found[number].search for way, found in forms.items()}
        yield Subject(
            f"search, {case.what}", partial(_in_process, compared, partial(_searches, search), 4)
        )
    new, known = (Creations(is_known=each) for each in (False, True))
    yield Subject("creation of new bytes", partial(_in_process, compared, new, 10))
    yield Subject("creation of known bytes", partial(_in_process, compared, known, 10))


# --- In this process.

Work = Callable[[Side, int], None]
"""Does something a number of times."""


@contextmanager
def _in_process(compared: list[Side], work: Work, times: int) -> Iterator[Mapping[str, Block]]:
    yield {side.way: partial(_block, side, work, times) for side in compared}


def _block(side: Side, work: Work, times: int) -> float:
    with side.asking():
        before = side.sessions.processor_s()
        started = time.process_time()
        work(side, times)
        own = time.process_time() - started
        return (own + side.sessions.since(before)) / times


def _reads(side: Side, times: int) -> None:
    for number in range(times):
        side.registry.get(f"{_TEN[number % len(_TEN)]}/{1 + number % _READ}")


def _searches(forms: Mapping[str, Callable[[int], object]], side: Side, times: int) -> None:
    for run in range(times):
        forms[side.way](run)


class Creations:
    """Creations of versions of 16 KiB as the service does them: judged by the default policy.

    Args:
        is_known: Whether the registry has the bytes: a file of another name makes a new version.
    """

    def __init__(self, *, is_known: bool) -> None:
        self._is_known = is_known
        self._numbers: dict[str, Iterator[int]] = {}

    def __call__(self, side: Side, times: int) -> None:
        """Create a number of versions, one of each model in turn."""
        numbers = self._numbers.setdefault(side.way, count())
        for number in (next(numbers) for _ in range(times)):
            # A limited principal sends what none of its models has.
            is_sent = not self._is_known or number == 0
            text = "known" if self._is_known else f"new {number}"
            content = text.ljust(_BYTES).encode()
            file = ManifestFile(path=f"{number}.bin", size=len(content), digest=digest_of(content))
            side.registry.operations.registration.create(
                _TEN[number % len(_TEN)],
                [file],
                new_version(f"{text} {number}"),
                {file.digest: content} if is_sent else {},
            )


# --- Over HTTP.


@contextmanager
def _over_http(compared: list[Side]) -> Iterator[Mapping[str, Block]]:
    program: list[str | Path] = [Path(sys.executable).parent / "pedigree", "serve"]
    with ExitStack() as ending:
        blocks = {}
        for side in compared:
            if side.way != BARE:  # a service always sends settings
                served = ending.enter_context(running(program, side.environment, "/livez"))
                blocks[side.way] = partial(_http_block, side, served.pid, served.port)
        yield blocks


def _http_block(side: Side, pid: int, port: int) -> float:
    head = f"HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {side.secret}\r\n\r\n"
    # A number of requests, and not of seconds: what a service does besides would be a larger share
    # while other programs slow it.
    requests = [
        f"GET /api/v1/models/{name}/versions/{number} {head}".encode()
        for number in range(1, 1 + _READ)
        for name in _TEN
    ]
    before, began = side.sessions.processor_s(), processor_of_tree(pid)
    done = _load.drive(port, 0, _CONNECTIONS, [requests] * _CONNECTIONS)
    if done["refused"]:
        raise SystemExit(done["refused"])
    used = processor_of_tree(pid) - began + side.sessions.since(before)
    return float(used) / (_CONNECTIONS * len(requests))


if __name__ == "__main__":
    sys.exit(main())
