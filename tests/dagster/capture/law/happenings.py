"""What happens to a case beside trainings: runs, observations, wipes, deletions, changes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import dagster as dg

from tests.dagster.capture.law.plans import FOCUS, AssetPlan, Case, How, Manager
from tests.dagster.capture.law.shapes import Shape, keys_of, mappings
from tests.dagster.capture.law.sources import Sources

SENSOR = "pedigree_lineage"
# What a history is made of, beside trainings.
HAPPENINGS = frozenset(
    [
        "run",
        "range",
        "several",
        "observed",
        "observed again",
        "reported",
        "noted",
        "tick",
        "wipe",
        "delete run",
        "change mapping",
        "add key",
        "delete key",
    ]
)


@dataclass
class Happenings(Sources):
    """A case to which things happen."""

    def fill(self) -> None:
        """Observe and make what is there at first, most of it."""
        if any(plan.shape is Shape.DYNAMIC for plan in self.case.assets):
            self._add_keys(["k1", "k2"])
        for plan in self.case.assets:
            if plan.form.is_model or self.random.random() < 0.06:
                continue
            if plan.form.is_source:
                self._fill_source(plan)
            elif plan.ranges and self.random.random() < 0.7:
                self._run_range(plan, self._keys(plan))
            else:
                for key in self._some_keys(plan):
                    self._run(plan, key)

    def _some_keys(self, plan: AssetPlan) -> Sequence[str | None]:
        if plan.shape is Shape.NONE:
            return [None]
        keys = list(FOCUS[plan.shape])
        others = [key for key in self._keys(plan) if key not in keys]
        if others and self.random.random() < 0.3:
            keys.append(self.random.choice(others))
        self.random.shuffle(keys)
        return keys[: self.random.choice([2, 3, 3])]

    def _rerun(self, plan: AssetPlan) -> None:
        keys = self._keys(plan)
        if plan.ranges and self.random.random() < 0.5:
            start = self.random.randrange(len(keys))
            self._run_range(plan, keys[start : start + self.random.randint(2, 3)])
        elif plan.shape is Shape.NONE:
            self._run(plan, None)
        elif keys:
            preferred = [key for key in FOCUS[plan.shape] if key in keys] or keys
            self._run(plan, self.random.choice([*preferred * 2, *keys]))

    def _run_several(self) -> None:
        """Run an asset and some before it in one run."""
        plans = [p for p in self.kit.case.assets if not p.form.is_source and not p.form.is_model]
        plan = self.random.choice(plans)
        before, key = self._together(plan)
        if key is not None or plan.shape is Shape.NONE:
            self._run_all([*before, plan], key)

    def _together(self, plan: AssetPlan) -> tuple[list[AssetPlan], str | None]:
        """Return some assets before one that can be made in the same run, and the run's key."""
        place = self.kit.case.assets.index(plan)
        earlier = [each for each in self.kit.case.assets[:place] if not each.form.is_source]
        earlier = [each for each in earlier if not each.form.is_model]
        shape = plan.shape
        if shape is Shape.NONE and earlier:
            shape = self.random.choice(earlier).shape
        keys = [key for key in FOCUS[shape] if key in self._keys_of(shape)]
        fitting = {shape, Shape.NONE} if keys else {Shape.NONE}
        some = [e for e in earlier if e.shape in fitting and self.random.random() < 0.7]
        if plan.shape is Shape.NONE and all(each.shape is Shape.NONE for each in some):
            return some, None
        return some, self.random.choice(keys) if keys else None

    def _fill_source(self, plan: AssetPlan) -> None:
        for key in self._some_keys(plan):
            self._look_at(plan, key)

    def happen(self, number: int) -> None:
        """Let things happen."""
        for _ in range(number):
            actions, weights = zip(*self._actions(), strict=True)
            self.random.choices(actions, weights)[0]()

    def _actions(self) -> list[tuple[Callable[[], None], float]]:
        made = [p for p in self.kit.case.assets if not p.form.is_model and not p.form.is_source]
        sources = [p for p in self.kit.case.assets if p.form.is_source]
        found: list[tuple[Callable[[], None], float]] = [(self._tick, 2)]
        if made:
            found.append((lambda: self._rerun(self.random.choice(made)), 4))
            found += [(self._run_several, 2), (self._note, 0.7), (self._report_made, 0.5)]
        if sources:
            found.append((lambda: self._look_again(self.random.choice(sources)), 2))
        if self.wipes:
            found += [(self._wipe, 1.2), (self._delete_run, 1.5)]
        if self.changes:
            found.append((self._change_mapping, 1.5))
        if any(plan.shape is Shape.DYNAMIC for plan in self.case.assets):
            found += [(lambda: self._add_keys([f"k{self.random.randint(3, 5)}"]), 1)]
            found += [(self._delete_key, 1)]
        return found

    def _look_again(self, plan: AssetPlan) -> None:
        preferred = list(FOCUS[plan.shape]) or [None]
        self._look_at(plan, self.random.choice(preferred))

    def _some_made(self) -> tuple[AssetPlan, str, str | None] | None:
        """Return an asset (partition) that has a content which a step has made."""
        plans = [p for p in self.kit.case.assets if not p.form.is_model and not p.form.is_source]
        found = [
            (plan, name, partition)
            for plan in plans
            for name in plan.outputs
            for asset, partition in self.world.contents
            if asset == self.kit.full(name)
        ]
        return self.random.choice(found) if found else None

    def _note(self) -> None:
        """Somebody observes what a step has made, and says nothing of its data version."""
        if (found := self._some_made()) is None:
            return
        _, name, partition = found
        key = self.kit.key(name)
        self.lab.instance.report_runless_asset_event(
            dg.AssetObservation(key, partition=partition, metadata={"rows": 7})
        )
        (record,) = self.lab.instance.fetch_observations(key, limit=1).records
        self.world.contents[self.kit.full(name), partition].sightings.append(record.storage_id)
        self._say("noted", f"observation of {name}[{partition}] that changes nothing")

    def _report_made(self) -> None:
        """Somebody replaces by hand what a step has made, and reports a materialization."""
        found = self._some_made()
        if found is None or found[0].manager is Manager.DEFAULT:
            return  # Dagster's own IO manager would still load the file that is there
        plan, name, partition = found
        self._report(plan, name, partition)

    def _tick(self) -> None:
        with dg.build_sensor_context(
            instance=self.lab.instance,
            repository_def=self.repository,
            resources={"registry": self.lab.registry_resource},
            cursor=self.cursor,
        ) as context:
            answer = self.repository.get_sensor_def(SENSOR).evaluate_tick(context)
        self.cursor = answer.cursor
        self._say("tick", f"tick of {SENSOR}: {answer.skip_message}")

    def _wipe(self) -> None:
        asset = self.random.choice(
            [name for plan in self.case.assets if not plan.form.is_model for name in plan.outputs]
        )
        self.lab.instance.wipe_assets([self.kit.key(asset)])
        self._say("wipe", f"wipe {asset}")

    def _delete_run(self) -> None:
        alive = self.alive()
        known = [
            (run_id, plans) for run_id, plans in self.runs if not self._would_hide(run_id, alive)
        ]
        if not known:
            return
        run_id, plans = chosen = self.random.choice(known)
        self.lab.instance.delete_run(run_id)
        self.runs.remove(chosen)
        events = [each for write in self.world.writes if write.run_id == run_id
                  for each in write.events]  # fmt: skip
        self._say("delete run", f"delete a run of {plans[-1].name}, events {events}")

    def _would_hide(self, run_id: str, alive: frozenset[int]) -> bool:
        """Say whether an older event would pass for that of what is there.

        Where the run that wrote a partition's content is deleted, and a run before it is not,
        nothing in Dagster shows that the newest event is not the content's. No record could be
        right then, so such runs stay.
        """
        current = {w.place: w for w in self.world.contents.values() if w.run_id == run_id}
        return any(
            write.place in current
            and write is not current[write.place]
            and not alive.isdisjoint(write.events)
            for write in self.world.writes
        )

    def _change_mapping(self) -> None:
        able = [plan for plan in self.kit.case.assets if _mappable(self.kit.case, plan)]
        if not able:
            return
        plan = self.random.choice(able)
        place, choices = self.random.choice(_mappable(self.kit.case, plan))
        one = replace(plan.inputs[place], mapping=self.random.choice(choices))
        inputs = (*plan.inputs[:place], one, *plan.inputs[place + 1 :])
        self.kit.case = self.kit.case.changed(replace(plan, inputs=inputs))
        self.changed = True
        self._rebuild()
        self._say("change mapping", f"{plan.name} now reads {one}")

    def _add_keys(self, keys: Sequence[str]) -> None:
        self.lab.instance.add_dynamic_partitions(f"{self.case.name}_keys", list(keys))
        self._say("add key", f"add dynamic partitions {', '.join(keys)}")

    def _delete_key(self) -> None:
        keys = keys_of(Shape.DYNAMIC, self.case.name, self.lab.instance)
        if len(keys) > 1:
            key = self.random.choice(keys)
            self.lab.instance.delete_dynamic_partition(f"{self.case.name}_keys", key)
            self.changed = True
            self._say("delete key", f"delete the dynamic partition {key}")


def _mappable(case: Case, plan: AssetPlan) -> list[tuple[int, list[Any]]]:
    """Return the inputs of a plan that can have another mapping, with those they can have."""
    found = []
    for place, one in enumerate(plan.inputs):
        source = case.plan(one.asset)
        if one.asset == plan.name or one.how is How.CHOSEN:
            continue
        keys = FOCUS[source.shape][:1]
        others = [each for each in mappings(source.shape, plan.shape, keys) if each != one.mapping]
        if others:
            found.append((place, others))
    return found
