"""A random history of a case: random events and trainings."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from pedigree.errors import NotFoundError
from pedigree.lineage.records import LineageGraph
from tests.dagster.capture.random_graphs.ground_truth import Write
from tests.dagster.capture.random_graphs.io_managers import GROUND_TRUTHS
from tests.dagster.capture.random_graphs.partitionings import Partitioning
from tests.dagster.capture.random_graphs.plans import FOCUS, AssetPlan, Hook
from tests.dagster.capture.random_graphs.random_events import RandomEvents
from tests.dagster.capture.random_graphs.runner import Failure


@dataclass
class TrainedVersion:
    """A version with its ground truth."""

    reference: str
    root: Write
    alive: frozenset[int]  # the events that existed when it was trained
    changed: bool  # whether definitions had changed before
    graph: LineageGraph


@dataclass
class CaseHistory(RandomEvents):
    """A case with its random history and its versions."""

    trained: list[TrainedVersion] = field(default_factory=list)

    def run_history(self) -> None:
        """Materialize the assets, apply random events, and train, once or twice."""
        self.fill()
        self.apply_random_events(self.random.randint(3, 7))
        if self.hook is Hook.LATER:
            self._adopt()
            self.apply_random_events(self.random.randint(1, 3))
        self._train_all()
        if self.random.random() < 0.5:
            self.apply_random_events(self.random.randint(1, 3))
            self._train_all()
        GROUND_TRUTHS.pop(self.case.name, None)

    def _adopt(self) -> None:
        self.bodies.hook = True
        self._rebuild()
        self._log_action("adopt", "with_lineage wraps the IO managers from now on")

    def _train_all(self) -> None:
        for plan in self.bodies.case.assets:
            if not plan.form.is_model:
                continue
            alone = self.random.random() < 0.7
            before, key = ([], None) if alone else self._same_run(plan)
            if key is None and plan.partitioning is not Partitioning.NONE:
                key = self.random.choice(FOCUS[plan.partitioning])
            self._train(plan, before, key)

    def _train(self, plan: AssetPlan, before: Sequence[AssetPlan], key: str | None) -> None:
        alive = self.alive()
        made = self._run_all([*before, plan], key)
        outputs = {self.bodies.full(name) for name in plan.outputs}
        # The same run skips assets downstream of a body that yields its own materializations.
        if not any(write.asset in outputs for write in made):
            return
        partition = None if plan.partitioning is Partitioning.NONE else key
        name = self.bodies.model_name(plan) + (f"-{partition}" if partition else "")
        if (reference := self._registered(name, made[0].run_id)) is None:
            error = f"the run registered no version of {name}"
            self.failures.append(Failure(plan, error))
            self._log_action("failure", error)
            return
        root = self.ground_truth.contents[self.bodies.full(plan.outputs[-1]), partition]
        alive |= {event for write in made for event in write.events if event < root.events[0]}
        graph = self.environment.registry.lineage(reference)
        self.trained.append(TrainedVersion(reference, root, alive, self.changed, graph))
        self._log_action("train", f"trained {reference}")

    def _registered(self, name: str, run_id: str | None) -> str | None:
        """Return the version of a model that a run registered."""
        with suppress(NotFoundError):
            reference = self.environment.registry.get(f"{name}@latest").reference
            trainings = self.environment.registry.trainings(reference)
            if any(training.metadata.run_id == run_id for training in trainings):
                return reference
        return None
