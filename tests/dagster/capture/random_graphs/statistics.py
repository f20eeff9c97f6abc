"""Statistics over many examinations."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from statistics import median

from tests.dagster.capture.random_graphs.compare import Spread, TrueEdge
from tests.dagster.capture.random_graphs.examine import Examination
from tests.dagster.capture.random_graphs.plans import Form, ReadMode

# No record can be added to materializations that a body yields itself.
_OWN_EVENTS = {Form.EVENTS.value}


@dataclass(frozen=True)
class ClassifiedEdge:
    """A true edge with its classification."""

    edge: TrueEdge
    changed: bool


@dataclass
class Statistics:
    """The findings of many cases."""

    graphs: int = 0
    versions: int = 0
    asked: int = 0
    boundless: int = 0
    edges: list[ClassifiedEdge] = field(default_factory=list)
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
        self.versions += len(found.history.trained)
        self.done |= found.history.done
        self.asked += found.asked
        self.questions += len(found.questions)
        self.strangers += found.strangers
        self.missing.update(one.kind for one in found.missing)
        self.wrong += len(found.wrong)
        self.failures.update(
            f"{f.plan.form.value}: {f.error[:120]}" for f in found.history.failures
        )
        for trained, verdict in found.verdicts:
            self.boundless += verdict.boundless
            self.spreads += verdict.spreads
            self.edges += [ClassifiedEdge(edge, trained.changed) for edge in verdict.edges]
        if found.findings:
            self.bad.append(found)

    def exact(self, chosen: Callable[[ClassifiedEdge], bool]) -> "Share":
        """Return how many of some true edges are exact in the closures."""
        edges = [each for each in self.edges if chosen(each)]
        return Share(sum(each.edge.exact for each in edges), len(edges))

    def inexact(self, chosen: Callable[[ClassifiedEdge], bool]) -> Counter[str]:
        """Return the numbers of inexact edges by kind."""
        return Counter(
            _kind(each.edge) for each in self.edges if chosen(each) and not each.edge.exact
        )

    def spread(self) -> tuple[float, float] | None:
        """Return the median numbers of possible and of true partitions."""
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
            f"| missing contents that are not marked as unknown | {self.missing.total()} |",
            f"| wrong certain edges | {self.wrong} |",
            f"| questions, wrong answers | {self.asked}, {self.questions} |",
            f"| runs that failed | {self.failures.total()} |",
            *(f"| exact, {name} | {self.exact(chosen)} |" for name, chosen in SHARES.items()),
            f"| partitions in a possible edge: median, and true number | {_pair(self.spread())} |",
            f"| sources with unknown upstream assets | {self.boundless} |",
            f"| answers about other data | {_counts(self.strangers)} |",
        ]


@dataclass(frozen=True)
class Share:
    """A share of a total."""

    part: int
    whole: int

    @property
    def value(self) -> float:
        return self.part / self.whole if self.whole else 1.0

    def __str__(self) -> str:
        return f"{self.value:.1%} of {self.whole}" if self.whole else "none"


def loaded(one: ClassifiedEdge) -> bool:
    """Return whether an IO manager loaded it by definition, and Dagster made the event."""
    edge = one.edge
    from_outside = edge.read.mode is ReadMode.LOADED and edge.read.declared
    return from_outside and edge.reached and edge.consumer.form not in _OWN_EVENTS


def seen(one: ClassifiedEdge) -> bool:
    """Return whether the hook or record_read recorded it."""
    return one.edge.reached and one.edge.read.mode in {
        ReadMode.LOADED,
        ReadMode.RECORDED,
        ReadMode.CHOSEN,
    }


def distinct(one: ClassifiedEdge) -> bool:
    """Return whether definitions are unchanged and the asset's data versions distinct."""
    return loaded(one) and not one.changed and one.edge.distinct


def equal(one: ClassifiedEdge) -> bool:
    """Return whether definitions are unchanged and some data versions of the asset equal."""
    return loaded(one) and not one.changed and not one.edge.distinct


def changed(one: ClassifiedEdge) -> bool:
    """Return whether a mapping had changed before."""
    return loaded(one) and one.changed


def _kind(edge: TrueEdge) -> str:
    read = edge.read
    found = edge.certainty.value if edge.certainty else "no edge"
    return (
        f"{found}: {edge.consumer.form}, {read.mode.value} by {read.mapping} from {read.write.form}"
    )


def _by(mode: ReadMode) -> Callable[[ClassifiedEdge], bool]:
    return lambda one: one.edge.read.mode is mode


SHARES: dict[str, Callable[[ClassifiedEdge], bool]] = {
    "loaded by an IO manager": loaded,
    "… unchanged definitions, distinct data versions": distinct,
    "… unchanged definitions, equal data versions": equal,
    "… changed definitions": changed,
    "… by a body that yields its own materializations": (
        lambda one: one.edge.read.mode is ReadMode.LOADED and one.edge.consumer.form in _OWN_EVENTS
    ),
    "… for an output that does not declare it": (
        lambda one: one.edge.read.mode is ReadMode.LOADED and not one.edge.read.declared
    ),
    "… upstream of wiped events or unrecorded reads": (
        lambda one: one.edge.read.mode is ReadMode.LOADED and not one.edge.reached
    ),
    "read with ModelInputs": _by(ReadMode.CHOSEN),
    "read by the body with record_read": _by(ReadMode.RECORDED),
    "read by the body without a record": _by(ReadMode.SILENT),
    "made in the same step": _by(ReadMode.INTERNAL),
}


def _pair(pair: tuple[float, float] | None) -> str:
    return "none" if pair is None else f"{pair[0]:g}, {pair[1]:g}"


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(counter.items())) or "none"


def kinds(counter: Counter[str]) -> Iterable[str]:
    """Yield the counts as lines, most frequent first."""
    return (f"{number:5d} {kind}" for kind, number in counter.most_common())
