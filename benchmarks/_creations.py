"""Creations of versions through the service: rates, and what one of them costs.

Each has a token, an idempotency key, tags, metrics and a training, and is judged by the default
policy: the version is a candidate when the answer arrives.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple

import psycopg

from benchmarks._costs import Costs, Meter
from benchmarks._report import Measured
from benchmarks._requests import MLflow, Ours
from benchmarks._servers import CONNECTIONS, Running, drive
from pedigree.postgres import EmbeddedPostgres

_ROUNDS = 5
_MOST_CREATED = 3000
_ALONE_S = 10.0

_KNOWN_TIMES, _NEW_TIMES, _DRAWN_TIMES = 5.0, 3.5, 2.5
_KNOWN_MS, _NEW_MS = 4.5, 7.0
_KNOWN_STATEMENTS, _NEW_STATEMENTS = 3.0, 6.0
_KNOWN_FLUSHES, _NEW_FLUSHES = 1.0, 2.0
_DRAWN_BY_S = 600.0
_FIRSTS = count(step=_MOST_CREATED)

_UNDRAWN = """SELECT coalesce((SELECT max(id) FROM pedigree.event), 0) > coalesce((
    SELECT id FROM pedigree.feed WHERE seq = (SELECT max(seq) FROM pedigree.card_follower)), 0)"""

Load = dict[str, Any]


class Place(NamedTuple):
    """A service, and the Postgres and the database that it uses."""

    served: Running
    ours: Ours
    server: EmbeddedPostgres
    url: str


@dataclass
class _Round:
    """A kind of load in each round, with the processor time of one creation."""

    loads: list[Load] = field(default_factory=list)
    costs: list[Costs] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return statistics.median(float(load["rate"]) for load in self.loads)

    @property
    def ms(self) -> float:
        return 1000 * statistics.median(each.processor_s for each in self.costs)

    def times(self, what: str, target: float, other: "_Round") -> Measured:
        """Return the median of the rates against those of the same rounds."""
        pairs = zip(self.loads, other.loads, strict=True)
        shares = [float(mine["rate"]) / float(theirs["rate"]) for mine, theirs in pairs]
        value = statistics.median(shares)
        return Measured(what=what, value=value, unit="times its rate", target=target)


class Creations:
    """Creations at one place; each number is used once.

    Args:
        place: Where.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._meter = Meter(place.served.pid, place.server)

    def fresh(self) -> range:
        """Return numbers that nothing else in this run has."""
        first = next(_FIRSTS)
        return range(first, first + _MOST_CREATED)

    def new(self, connections: int = CONNECTIONS, seconds: float = 3) -> tuple[Load, Costs]:
        """Create versions with their bytes."""
        return self._driven(self._place.ours.creating(self.fresh()), connections, seconds)

    def known(self, connections: int = CONNECTIONS, seconds: float = 3) -> tuple[Load, Costs]:
        """Create versions of bytes that the registry has."""
        numbers, ours = self.fresh(), self._place.ours
        first, others = numbers[:CONNECTIONS], numbers[CONNECTIONS:]
        drive(self._place.served, ours.creating(first), seconds=0)  # one per connection
        exchanges = ours.creating_of_known(others, first.start)
        return self._driven(exchanges, connections, seconds)

    def alone(self, kind: Callable[..., tuple[Load, Costs]]) -> Costs:
        """Return what a creation costs, each after the answer to the previous one.

        The background work, as it is in the same time without creations, is subtracted.
        """
        idle, began = self._meter.all(), time.perf_counter()
        before = self._meter.all()
        idle_s = time.perf_counter() - began
        load, _ = kind(1, _ALONE_S)
        after = self._meter.all()
        share = (time.perf_counter() - began - idle_s) / idle_s
        background = before.since(idle, 1).times(share)
        return after.since(before, 1).since(background, int(load["done"]))

    def until_drawn(self) -> float:
        """Return the rate of new versions, with the time until all their cards are drawn."""
        self.await_cards()
        began = time.perf_counter()
        load, _ = self.new()
        self.await_cards()
        return float(load["done"] / (time.perf_counter() - began))

    def await_cards(self) -> None:
        """Wait until all cards are drawn, so that they take nothing from what is measured next."""
        deadline = time.monotonic() + _DRAWN_BY_S
        with psycopg.connect(self._place.url, autocommit=True) as connection:
            while connection.execute(_UNDRAWN).fetchone() == (True,):
                if time.monotonic() > deadline:
                    raise SystemExit("the cards are not drawn in time")
                time.sleep(0.1)

    def _driven(
        self, exchanges: list[list[str]], connections: int, seconds: float
    ) -> tuple[Load, Costs]:
        before = self._meter.processor()
        load = drive(self._place.served, exchanges, seconds=seconds, connections=connections)
        return load, self._meter.processor().since(before, int(load["done"]))


def beside_mlflow(place: Place, beside: Running, theirs: MLflow) -> list[Measured]:
    """Compare creations with MLflow's, in turns over the same Postgres."""
    mine = Creations(place)
    other_meter = Meter(beside.pid, place.server)
    new, known, other, other_bare = _Round(), _Round(), _Round(), _Round()

    def others(exchanges: list[list[str]]) -> tuple[Load, Costs]:
        before = other_meter.processor()
        load = drive(beside, exchanges)
        return load, other_meter.processor().since(before, int(load["done"]))

    kinds: list[tuple[_Round, Callable[[], tuple[Load, Costs]]]] = [
        (new, mine.new),
        (known, mine.known),
        (other, lambda: others(theirs.creating(mine.fresh()))),
        (other_bare, lambda: others(theirs.creating_without_bytes(mine.fresh()))),
    ]
    for _ in range(_ROUNDS):
        for kept, work in kinds:
            mine.await_cards()
            load, costs = work()
            kept.loads.append(load)
            kept.costs.append(costs)
    drawn = mine.until_drawn()
    return [
        Measured(what="versions created with their bytes", value=new.rate, unit="/s"),
        Measured(what="versions created from existing bytes", value=known.rate, unit="/s"),
        Measured(what="MLflow: versions created with their bytes", value=other.rate, unit="/s"),
        Measured(what="MLflow: created without any bytes", value=other_bare.rate, unit="/s"),
        # MLflow does not deduplicate bytes, so it receives them.
        known.times("created from existing bytes, against MLflow", _KNOWN_TIMES, other),
        new.times("created with their bytes, against MLflow", _NEW_TIMES, other),
        Measured(
            what="… until their cards are drawn, too",
            value=drawn / other.rate,
            unit="times its rate",
            target=_DRAWN_TIMES,
        ),
        _at_most("processor time of one from existing bytes", known.ms, "ms", _KNOWN_MS),
        _at_most("processor time of one with its bytes", new.ms, "ms", _NEW_MS),
        Measured(what="MLflow: processor time of one with its bytes", value=other.ms, unit="ms"),
    ]


def costs_alone(place: Place) -> list[Measured]:
    """Return the statements and flushes of creations, one after the other."""
    mine = Creations(place)
    known, new = mine.alone(mine.known), mine.alone(mine.new)
    return [
        _at_most("statements of one from existing bytes", known.statements, "", _KNOWN_STATEMENTS),
        _at_most("statements of one with its bytes", new.statements, "", _NEW_STATEMENTS),
        _at_most("flushes of one from existing bytes", known.flushes, "", _KNOWN_FLUSHES),
        _at_most("flushes of one with its bytes", new.flushes, "", _NEW_FLUSHES),
    ]


def _at_most(what: str, value: float, unit: str, target: float) -> Measured:
    return Measured(what=what, value=value, unit=unit, target=target, at_least=False)
