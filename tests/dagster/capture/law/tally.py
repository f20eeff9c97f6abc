"""Shares and counts over many examinations."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from statistics import median

from tests.dagster.capture.law.examine import Examination
from tests.dagster.capture.law.judge import Spread, TrueEdge
from tests.dagster.capture.law.plans import Form, How

# A body that yields its own materializations leaves nothing that a record could be added to.
_OWN_EVENTS = {Form.EVENTS.value}


@dataclass(frozen=True)
class Counted:
    """A true edge, with what is known about its case."""

    edge: TrueEdge
    changed: bool


@dataclass
class Tally:
    """What was found over many cases."""

    graphs: int = 0
    versions: int = 0
    asked: int = 0
    boundless: int = 0
    edges: list[Counted] = field(default_factory=list)
    spreads: list[Spread] = field(default_factory=list)
    missing: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    questions: int = 0
    strangers: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    done: set[str] = field(default_factory=set)
    bad: list[Examination] = field(default_factory=list)

    def add(self, found: Examination) -> None:
        """Count one examination."""
        self.graphs += 1
        self.versions += len(found.trial.trained)
        self.done |= found.trial.done
        self.asked += found.asked
        self.questions += len(found.questions)
        self.strangers += found.strangers
        self.missing.update(one.kind for one in found.missing)
        self.wrong += len(found.wrong)
        self.failures.update(f"{f.plan.form.value}: {f.error[:120]}" for f in found.trial.failures)
        for trained, verdict in found.verdicts:
            self.boundless += verdict.boundless
            self.spreads += verdict.spreads
            self.edges += [Counted(edge, trained.changed) for edge in verdict.edges]
        if found.findings:
            self.bad.append(found)

    def exact(self, chosen: Callable[[Counted], bool]) -> "Share":
        """Return how many of some true edges the closures have exactly."""
        edges = [each for each in self.edges if chosen(each)]
        return Share(sum(each.edge.exact for each in edges), len(edges))

    def inexact(self, chosen: Callable[[Counted], bool]) -> Counter[str]:
        """Return, by kind, the true edges that the closures do not have exactly."""
        return Counter(
            _kind(each.edge) for each in self.edges if chosen(each) and not each.edge.exact
        )

    def spread(self) -> tuple[float, float] | None:
        """Return the median numbers of partitions that are possible, and that are true."""
        if not self.spreads:
            return None
        return (
            float(median(each.possible for each in self.spreads)),
            float(median(each.true for each in self.spreads)),
        )

    def lines(self) -> list[str]:
        """Return the table as lines of Markdown."""
        return [
            f"| graphs, versions | {self.graphs}, {self.versions} |",
            f"| contents missing and not left open | {self.missing.total()} |",
            f"| wrong edges called certain | {self.wrong} |",
            f"| questions, wrong answers | {self.asked}, {self.questions} |",
            f"| runs that failed | {self.failures.total()} |",
            *(f"| exact, {name} | {self.exact(chosen)} |" for name, chosen in SHARES.items()),
            f"| partitions in a possible edge: median, and truly | {_pair(self.spread())} |",
            f"| sources open to all assets | {self.boundless} |",
            f"| answers about other data | {_counts(self.strangers)} |",
        ]


@dataclass(frozen=True)
class Share:
    """A part of a whole."""

    part: int
    whole: int

    @property
    def value(self) -> float:
        return self.part / self.whole if self.whole else 1.0

    def __str__(self) -> str:
        return f"{self.value:.1%} of {self.whole}" if self.whole else "none"


def loaded(one: Counted) -> bool:
    """An IO manager loaded it, as the definition says, and Dagster made the materialization."""
    edge = one.edge
    from_outside = edge.read.how is How.LOADED and edge.read.declared
    return from_outside and edge.reached and edge.consumer.form not in _OWN_EVENTS


def seen(one: Counted) -> bool:
    """The hook or record_read has seen it."""
    return one.edge.reached and one.edge.read.how in {How.LOADED, How.RECORDED, How.CHOSEN}


def distinct(one: Counted) -> bool:
    """Definitions were as ever, and the data versions of the asset are distinct."""
    return loaded(one) and not one.changed and one.edge.distinct


def equal(one: Counted) -> bool:
    """Definitions were as ever, and some data versions of the asset are equal."""
    return loaded(one) and not one.changed and not one.edge.distinct


def changed(one: Counted) -> bool:
    """A mapping had changed by then."""
    return loaded(one) and one.changed


def _kind(edge: TrueEdge) -> str:
    read = edge.read
    found = edge.certainty.value if edge.certainty else "no edge"
    return (
        f"{found}: {edge.consumer.form}, {read.how.value} by {read.mapping} from {read.write.form}"
    )


def _by(how: How) -> Callable[[Counted], bool]:
    return lambda one: one.edge.read.how is how


SHARES: dict[str, Callable[[Counted], bool]] = {
    "loaded by an IO manager": loaded,
    "… unchanged definitions, distinct data versions": distinct,
    "… unchanged definitions, equal data versions": equal,
    "… changed definitions": changed,
    "… by a body that yields its own materializations": (
        lambda one: one.edge.read.how is How.LOADED and one.edge.consumer.form in _OWN_EVENTS
    ),
    "… for an output that is not said to depend on it": (
        lambda one: one.edge.read.how is How.LOADED and not one.edge.read.declared
    ),
    "… behind what was wiped, or read in silence": (
        lambda one: one.edge.read.how is How.LOADED and not one.edge.reached
    ),
    "read by ModelInputs": _by(How.CHOSEN),
    "read by the body with record_read": _by(How.RECORDED),
    "read by the body in silence": _by(How.SILENT),
    "made in the same step": _by(How.INTERNAL),
}


def _pair(pair: tuple[float, float] | None) -> str:
    return "none" if pair is None else f"{pair[0]:g}, {pair[1]:g}"


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(counter.items())) or "none"


def kinds(counter: Counter[str]) -> Iterable[str]:
    """Give lines of what was counted, the most frequent first."""
    return (f"{number:5d} {kind}" for kind, number in counter.most_common())
