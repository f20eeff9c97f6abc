"""A random history of a case: what happens to it, and trainings in between."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from pedigree.errors import NotFoundError
from pedigree.lineage.records import LineageGraph
from tests.dagster.capture.law.happenings import Happenings
from tests.dagster.capture.law.managers import WORLDS
from tests.dagster.capture.law.plans import FOCUS, AssetPlan, Hook
from tests.dagster.capture.law.running import Failure
from tests.dagster.capture.law.shapes import Shape
from tests.dagster.capture.law.world import Write


@dataclass
class Trained:
    """A version, with what is true of it."""

    reference: str
    root: Write
    alive: frozenset[int]  # the events that were there when it was trained
    changed: bool  # definitions had changed by then
    graph: LineageGraph


@dataclass
class Trial(Happenings):
    """A case that lives through a history, and its versions."""

    trained: list[Trained] = field(default_factory=list)

    def live(self) -> None:
        """Make what is there, let things happen, and train, once or twice."""
        self.fill()
        self.happen(self.random.randint(3, 7))
        if self.hook is Hook.LATER:
            self._adopt()
            self.happen(self.random.randint(1, 3))
        self._train_all()
        if self.random.random() < 0.5:
            self.happen(self.random.randint(1, 3))
            self._train_all()
        WORLDS.pop(self.case.name, None)

    def _adopt(self) -> None:
        self.kit.hook = True
        self._rebuild()
        self._say("adopt", "with_lineage wraps the IO managers from now on")

    def _train_all(self) -> None:
        for plan in self.kit.case.assets:
            if not plan.form.is_model:
                continue
            alone = self.random.random() < 0.7
            before, key = ([], None) if alone else self._together(plan)
            if key is None and plan.shape is not Shape.NONE:
                key = self.random.choice(FOCUS[plan.shape])
            self._train(plan, before, key)

    def _train(self, plan: AssetPlan, before: Sequence[AssetPlan], key: str | None) -> None:
        alive = self.alive()
        made = self._run_all([*before, plan], key)
        outputs = {self.kit.full(name) for name in plan.outputs}
        # What follows a body that yields its own materializations is passed over in the same run.
        if not any(write.asset in outputs for write in made):
            return
        partition = None if plan.shape is Shape.NONE else key
        name = self.kit.model_name(plan) + (f"-{partition}" if partition else "")
        if (reference := self._registered(name, made[0].run_id)) is None:
            error = f"the run has registered no version of {name}"
            self.failures.append(Failure(plan, error))
            self._say("failure", error)
            return
        root = self.world.contents[self.kit.full(plan.outputs[-1]), partition]
        alive |= {event for write in made for event in write.events if event < root.events[0]}
        graph = self.lab.registry.lineage(reference)
        self.trained.append(Trained(reference, root, alive, self.changed, graph))
        self._say("train", f"trained {reference}")

    def _registered(self, name: str, run_id: str | None) -> str | None:
        """Return the version of a model that a run has registered."""
        with suppress(NotFoundError):
            reference = self.lab.registry.get(f"{name}@latest").reference
            trainings = self.lab.registry.trainings(reference)
            if any(training.metadata.run_id == run_id for training in trainings):
                return reference
        return None
