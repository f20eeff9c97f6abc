"""Run a case, compare what is recorded with what is true, and say it so that people can read it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random

from pedigree.lineage.records import Certainty
from tests.dagster.capture.law.history import Trained, Trial
from tests.dagster.capture.law.judge import Missing, Verdict, Wrong, judge
from tests.dagster.capture.law.laboratory import Laboratory
from tests.dagster.capture.law.planner import draw_case
from tests.dagster.capture.law.plans import Hook
from tests.dagster.capture.law.world import Place, truth_of

# So many questions about each version; each is a request to the registry.
_QUESTIONS = 12
_STRANGERS = 4


@dataclass
class Examination:
    """A trial and all that is found out about it."""

    trial: Trial
    verdicts: list[tuple[Trained, Verdict]] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    asked: int = 0
    # What is answered about data that a version does not depend on.
    strangers: Counter[str] = field(default_factory=Counter)

    @property
    def missing(self) -> list[Missing]:
        return [one for _, verdict in self.verdicts for one in verdict.missing]

    @property
    def wrong(self) -> list[Wrong]:
        return [one for _, verdict in self.verdicts for one in verdict.wrong]

    @property
    def findings(self) -> list[str]:
        """Return everything that breaks the law."""
        found = [
            f"{trained.reference}: {text}"
            for trained, verdict in self.verdicts
            for text in verdict.findings
        ]
        failed = [f"FAILED {one.plan.name} ({one.plan.form.value}): {one.error}"
                  for one in self.trial.failures]  # fmt: skip
        return [*failed, *found, *self.questions]

    def report(self) -> str:
        """Return the graph, its history and what is wrong with its lineage."""
        return "\n".join(
            [
                str(self.trial.case),
                *(f"  - {line}" for line in self.trial.trace),
                *(f"  ! {line}" for line in self.findings),
                "Run it again: python -m tests.dagster.capture.law.report "
                f"--seed {self.trial.case.seed} --hook {self.trial.hook.value}",
            ]
        )


def examine(lab: Laboratory, seed: int, hook: Hook) -> Examination:
    """Draw a case, let it live, and compare."""
    trial = Trial(lab, draw_case(seed, lab.name_of(seed)), hook)
    trial.live()
    found = Examination(trial)
    for trained in trial.trained:
        found.verdicts += [(trained, verdict) for verdict in _verdicts(lab, trial, trained)]
        _ask(lab, found, trained)
    return found


def _verdicts(lab: Laboratory, trial: Trial, trained: Trained) -> Iterable[Verdict]:
    """Judge the closure as it was recorded, and as it is at the end, where that is another one."""
    yield judge(trained.graph, trained.root, trained.alive, trial.world)
    now = lab.registry.lineage(trained.reference)
    if now != trained.graph:
        yield judge(now, trained.root, trained.alive, trial.world)


def _ask(lab: Laboratory, found: Examination, trained: Trained) -> None:
    """Ask for the versions that depend on data, of which it is known whether this one does."""
    random = Random(f"questions {trained.reference}")
    world = found.trial.world
    true = list(dict.fromkeys(write.place for write in truth_of(trained.root)))
    # An older version of a model is no data that this one is asked about.
    models = {other.root.asset for other in found.trial.trained}
    strangers = [place for place in world.contents if place not in true and place[0] not in models]
    for place in _some(random, true, _QUESTIONS):
        found.asked += 1
        if _answer(lab, trained.reference, place) is None:
            found.questions.append(
                f"{trained.reference}: impact of {_named(place)} does not list it"
            )
    for place in _some(random, strangers, _STRANGERS):
        found.asked += 1
        certainty = _answer(lab, trained.reference, place)
        found.strangers[certainty.value if certainty else "not listed"] += 1
        if certainty and certainty.certain:
            found.questions.append(
                f"{trained.reference}: impact of {_named(place)} lists it as {certainty.value}, "
                "and it does not depend on it"
            )
    for asset in dict.fromkeys(asset for asset, _ in true):
        if _answer(lab, trained.reference, (asset, None)) is None:
            found.questions.append(f"{trained.reference}: impact of {asset} does not list it")


def _some(random: Random, places: list[Place], number: int) -> list[Place]:
    return places if len(places) <= number else random.sample(places, number)


def _answer(lab: Laboratory, reference: str, place: Place) -> Certainty | None:
    """Return how certain the registry is that a version depends on data; None: it does not."""
    found = lab.registry.impact(*place)
    listed = (*found.certain, *found.possible, *found.unknown)
    return next((one.certainty for one in listed if one.reference == reference), None)


def _named(place: Place) -> str:
    asset, partition = place
    return f"{asset}[{partition}]" if partition else asset
