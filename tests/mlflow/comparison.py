"""Steps that are done on two sides, and what differs between them."""

import csv
import re
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, Self

from tests.mlflow.normal import differences, normal, updates
from tests.mlflow.sides import API, Call, Sent, Side
from tests.mlflow.version_numbers import NumbersThatGoOn

FORGIVEN = Path(__file__).with_name("forgiven.tsv")
READS = re.compile(r"GET |client (get|search|find)_|.*get-latest-versions")

MODELS = Sent("GET", f"{API}/registered-models/search", (("max_results", "1000"),))
VERSIONS = Sent("GET", f"{API}/model-versions/search", (("max_results", "10000"),))


class Forgiven(NamedTuple):
    """A difference on purpose, as a pattern of its lines."""

    name: str
    pattern: re.Pattern[str]
    reason: str


def forgiven() -> list[Forgiven]:
    """Return all of them, in the order of the file."""
    with FORGIVEN.open() as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [Forgiven(row["name"], re.compile(row["pattern"], re.S), row["reason"]) for row in rows]


def _exchanges(step: Sent | Call, answer: Any) -> list[tuple[str, Any, Any]]:
    """Return the path, the body and the answer of each request of a step."""
    if isinstance(step, Sent):
        return [(step.path, step.body, answer)]
    return [(each["path"], each["body"], each) for each in answer["exchanges"]]


class SideComparison:
    """Compares two sides step by step, and counts what it compared and what it forgave.

    Args:
        theirs: MLflow's server.
        ours: What is compared with it.
        patterns: The differences to forgive.
        numbers: The numbers of versions of ``ours``, if it has its own.
    """

    def __init__(
        self,
        theirs: Side,
        ours: Side,
        patterns: Iterable[Forgiven] = (),
        numbers: NumbersThatGoOn | None = None,
    ) -> None:
        self.sides = (theirs, ours)
        self.patterns = tuple(patterns)
        self.numbers = numbers
        self.steps = 0
        self.compared = 0
        self.excused = 0
        self.forgiven: Counter[str] = Counter()
        self.found: list[str] = []
        self.failed: list[str] = []
        self._updated: list[dict[str, int]] = [{}, {}]
        self._sender = ThreadPoolExecutor(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._sender.shutdown()

    @property
    def share(self) -> float:
        """The share of the comparisons in which something was forgiven."""
        return self.excused / self.compared

    def do(self, step: Sent | Call) -> tuple[Any, Any]:
        """Do a step on both sides, compare what it answers, and after a write also the state."""
        self.steps += 1
        theirs, ours = self._answers(step)
        self._note(step.label, step.route, theirs, ours)
        if not READS.match(step.route):
            self.compare_state(step.label)
        return theirs, ours

    def do_without_exchanges(self, call: Call) -> None:
        """Make a call on both sides, and compare only what it returns or raises."""
        self.steps += 1
        theirs, ours = (
            {name: each[name] for name in each if name != "exchanges"}
            for each in self._answers(call)
        )
        self._note(call.label, call.route, theirs, ours)

    def _answers(self, step: Sent | Call) -> tuple[Any, Any]:
        """Ask both sides at the same time."""
        if self.numbers is None:
            sent = self._sender.submit(self.sides[1].do, step)
            return self.sides[0].do(step), sent.result()
        sent = self._sender.submit(self.sides[1].do, self.numbers.asked(step))
        theirs = self.sides[0].do(step)
        for path, body, answer in _exchanges(step, theirs):
            self.numbers.note(path, body, answer)
        return theirs, self.numbers.answered(sent.result())

    def compare_state(self, label: str) -> None:
        """Compare all models and versions, and which of them the last write touched."""
        models, versions = (self._answers(each) for each in (MODELS, VERSIONS))
        states = [
            {"models": of_models["answer"], "versions": of_versions["answer"]}
            for of_models, of_versions in zip(models, versions, strict=True)
        ]
        moments = [updates(state) for state in states]
        touched = [
            sorted(each for each, at in now.items() if before.get(each) != at)
            for before, now in zip(self._updated, moments, strict=True)
        ]
        self._updated = moments
        theirs, ours = (
            {**state, "touched": names} for state, names in zip(states, touched, strict=True)
        )
        self._note(f"state after {label}", "", theirs, ours)

    def _note(self, label: str, route: str, theirs: Any, ours: Any) -> None:
        self.compared += 1
        statuses = [ours.get("status"), *(each["status"] for each in ours.get("exchanges", ()))]
        if any(status is not None and status >= 500 for status in statuses):
            self.failed.append(f"{label}: {ours}")
        excused: set[str] = set()
        for line in differences(normal(theirs, route), normal(ours, route)):
            shown = f"{label} | {line}"
            known = next((each.name for each in self.patterns if each.pattern.search(shown)), None)
            if known is None:
                self.found.append(shown)
            else:
                excused.add(known)
        self.forgiven.update(excused)
        self.excused += bool(excused)
