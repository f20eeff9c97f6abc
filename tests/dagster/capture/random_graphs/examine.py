"""Run a case, compare the recorded lineage with the ground truth, and report it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random

from pedigree.lineage.records import Certainty
from tests.dagster.capture.random_graphs.compare import (
    ComparisonResult,
    MissingContent,
    WrongEdge,
    compare_closure,
)
from tests.dagster.capture.random_graphs.environment import Environment
from tests.dagster.capture.random_graphs.ground_truth import Place, truth_of
from tests.dagster.capture.random_graphs.planner import draw_case
from tests.dagster.capture.random_graphs.plans import Hook
from tests.dagster.capture.random_graphs.random_history import CaseHistory, TrainedVersion

# Questions per version; each is a request to the registry.
_QUESTIONS = 12
_STRANGERS = 4


@dataclass
class Examination:
    """A case history and all findings about it."""

    history: CaseHistory
    verdicts: list[tuple[TrainedVersion, ComparisonResult]] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    asked: int = 0
    # Answers about data that a version does not depend on.
    strangers: Counter[str] = field(default_factory=Counter)

    @property
    def missing(self) -> list[MissingContent]:
        return [one for _, verdict in self.verdicts for one in verdict.missing]

    @property
    def wrong(self) -> list[WrongEdge]:
        return [one for _, verdict in self.verdicts for one in verdict.wrong]

    @property
    def findings(self) -> list[str]:
        """Return all violations of the lineage guarantee."""
        found = [
            f"{trained.reference}: {text}"
            for trained, verdict in self.verdicts
            for text in verdict.findings
        ]
        failed = [f"FAILED {one.plan.name} ({one.plan.form.value}): {one.error}"
                  for one in self.history.failures]  # fmt: skip
        return [*failed, *found, *self.questions]

    def report(self) -> str:
        """Return the graph, its history and the errors in its lineage as text."""
        return "\n".join(
            [
                str(self.history.case),
                *(f"  - {line}" for line in self.history.trace),
                *(f"  ! {line}" for line in self.findings),
                "Run it again: python -m tests.dagster.capture.random_graphs.report "
                f"--seed {self.history.case.seed} --hook {self.history.hook.value}",
            ]
        )


def examine(environment: Environment, seed: int, hook: Hook) -> Examination:
    """Generate a case, run its history, and compare."""
    history = CaseHistory(environment, draw_case(seed, environment.name_of(seed)), hook)
    history.run_history()
    found = Examination(history)
    for trained in history.trained:
        found.verdicts += [
            (trained, verdict) for verdict in _verdicts(environment, history, trained)
        ]
        _check_answers(environment, found, trained)
    return found


def _verdicts(
    environment: Environment, history: CaseHistory, trained: TrainedVersion
) -> Iterable[ComparisonResult]:
    """Yield the comparison of the recorded closure, and of the final one if it differs."""
    yield compare_closure(trained.graph, trained.root, trained.alive, history.ground_truth)
    now = environment.registry.lineage(trained.reference)
    if now != trained.graph:
        yield compare_closure(now, trained.root, trained.alive, history.ground_truth)


def _check_answers(environment: Environment, found: Examination, trained: TrainedVersion) -> None:
    """Check the registry's answers on whether the version depends on some data."""
    random = Random(f"questions {trained.reference}")
    ground_truth = found.history.ground_truth
    true = list(dict.fromkeys(write.place for write in truth_of(trained.root)))
    # Older versions of a model do not count as data here.
    models = {other.root.asset for other in found.history.trained}
    strangers = [
        place for place in ground_truth.contents if place not in true and place[0] not in models
    ]
    for place in _some(random, true, _QUESTIONS):
        found.asked += 1
        if _answer(environment, trained.reference, place) is None:
            found.questions.append(
                f"{trained.reference}: impact of {_named(place)} does not list it"
            )
    for place in _some(random, strangers, _STRANGERS):
        found.asked += 1
        certainty = _answer(environment, trained.reference, place)
        found.strangers[certainty.value if certainty else "not listed"] += 1
        if certainty and certainty.certain:
            found.questions.append(
                f"{trained.reference}: impact of {_named(place)} lists it as {certainty.value}, "
                "and it does not depend on it"
            )
    for asset in dict.fromkeys(asset for asset, _ in true):
        if _answer(environment, trained.reference, (asset, None)) is None:
            found.questions.append(f"{trained.reference}: impact of {asset} does not list it")


def _some(random: Random, places: list[Place], number: int) -> list[Place]:
    return places if len(places) <= number else random.sample(places, number)


def _answer(environment: Environment, reference: str, place: Place) -> Certainty | None:
    """Return the certainty with which a version depends on data; None if it does not."""
    found = environment.registry.impact(*place)
    listed = (*found.certain, *found.possible, *found.unknown)
    return next((one.certainty for one in listed if one.reference == reference), None)


def _named(place: Place) -> str:
    asset, partition = place
    return f"{asset}[{partition}]" if partition else asset
