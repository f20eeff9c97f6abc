"""Random events between trainings: runs, observations, wipes, deletions, changes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import dagster as dg

from tests.dagster.capture.random_graphs.partitionings import Partitioning, keys_of, mappings
from tests.dagster.capture.random_graphs.plans import (
    FOCUS,
    AssetPlan,
    Case,
    InputPlan,
    Manager,
    ReadMode,
)
from tests.dagster.capture.random_graphs.sources import Sources

SENSOR = "pedigree_lineage"
# The kinds of events of a history, in addition to trainings.
EVENT_KINDS = frozenset(
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
        "remove input",
        "add key",
        "delete key",
    ]
)


@dataclass
class RandomEvents(Sources):
    """A case with random events."""

    def fill(self) -> None:
        """Observe and materialize most of the initial assets."""
        if any(plan.partitioning is Partitioning.DYNAMIC for plan in self.case.assets):
            self._add_keys(["k1", "k2"])
        for plan in self.case.assets:
            if plan.form.is_model or self.random.random() < 0.06:
                continue
            if plan.form.is_source:
                self._fill_source(plan)
            elif plan.ranges and self.random.random() < 0.7:
                self._run_range(plan, self._keys(plan))
            else:
                for key in self._random_keys(plan):
                    self._run(plan, key)

    def _random_keys(self, plan: AssetPlan) -> Sequence[str | None]:
        if plan.partitioning is Partitioning.NONE:
            return [None]
        keys = list(FOCUS[plan.partitioning])
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
        elif plan.partitioning is Partitioning.NONE:
            self._run(plan, None)
        elif keys:
            preferred = [key for key in FOCUS[plan.partitioning] if key in keys] or keys
            self._run(plan, self.random.choice([*preferred * 2, *keys]))

    def _run_several(self) -> None:
        """Run an asset and some upstream assets in one run."""
        plans = [p for p in self.bodies.case.assets if not p.form.is_source and not p.form.is_model]
        plan = self.random.choice(plans)
        before, key = self._same_run(plan)
        if key is not None or plan.partitioning is Partitioning.NONE:
            self._run_all([*before, plan], key)

    def _same_run(self, plan: AssetPlan) -> tuple[list[AssetPlan], str | None]:
        """Return some upstream assets that can be part of the same run, and the run's key."""
        place = self.bodies.case.assets.index(plan)
        earlier = [each for each in self.bodies.case.assets[:place] if not each.form.is_source]
        earlier = [each for each in earlier if not each.form.is_model]
        partitioning = plan.partitioning
        if partitioning is Partitioning.NONE and earlier:
            partitioning = self.random.choice(earlier).partitioning
        keys = [key for key in FOCUS[partitioning] if key in self._keys_of(partitioning)]
        fitting = {partitioning, Partitioning.NONE} if keys else {Partitioning.NONE}
        some = [e for e in earlier if e.partitioning in fitting and self.random.random() < 0.7]
        if plan.partitioning is Partitioning.NONE and all(
            each.partitioning is Partitioning.NONE for each in some
        ):
            return some, None
        return some, self.random.choice(keys) if keys else None

    def _fill_source(self, plan: AssetPlan) -> None:
        for key in self._random_keys(plan):
            self._look_at(plan, key)

    def apply_random_events(self, number: int) -> None:
        """Apply random events."""
        for _ in range(number):
            actions, weights = zip(*self._actions(), strict=True)
            self.random.choices(actions, weights)[0]()

    def _actions(self) -> list[tuple[Callable[[], None], float]]:
        made = [p for p in self.bodies.case.assets if not p.form.is_model and not p.form.is_source]
        sources = [p for p in self.bodies.case.assets if p.form.is_source]
        found: list[tuple[Callable[[], None], float]] = [(self._tick, 2)]
        if made:
            found.append((lambda: self._rerun(self.random.choice(made)), 4))
            found += [
                (self._run_several, 2),
                (self._observe_without_version, 0.7),
                (self._report_replacement, 0.5),
            ]
        if sources:
            found.append((lambda: self._observe_again(self.random.choice(sources)), 2))
        if self.wipes:
            found += [(self._wipe, 1.2), (self._delete_run, 1.5)]
        if self.changes:
            found += [(self._change_mapping, 1.5), (self._remove_input, 0.7)]
        if any(plan.partitioning is Partitioning.DYNAMIC for plan in self.case.assets):
            found += [(lambda: self._add_keys([f"k{self.random.randint(3, 5)}"]), 1)]
            found += [(self._delete_key, 1)]
        return found

    def _observe_again(self, plan: AssetPlan) -> None:
        preferred = list(FOCUS[plan.partitioning]) or [None]
        self._look_at(plan, self.random.choice(preferred))

    def _random_output(self) -> tuple[AssetPlan, str, str | None] | None:
        """Return a random asset (partition) with a content that a step made."""
        plans = [p for p in self.bodies.case.assets if not p.form.is_model and not p.form.is_source]
        found = [
            (plan, name, partition)
            for plan in plans
            for name in plan.outputs
            for asset, partition in self.ground_truth.contents
            if asset == self.bodies.full(name)
        ]
        return self.random.choice(found) if found else None

    def _observe_without_version(self) -> None:
        """Report an observation of a step's output without a data version."""
        if (found := self._random_output()) is None:
            return
        _, name, partition = found
        key = self.bodies.key(name)
        self.environment.instance.report_runless_asset_event(
            dg.AssetObservation(key, partition=partition, metadata={"rows": 7})
        )
        (record,) = self.environment.instance.fetch_observations(key, limit=1).records
        self.ground_truth.contents[self.bodies.full(name), partition].sightings.append(
            record.storage_id
        )
        self._log_action("noted", f"observation of {name}[{partition}] that changes nothing")

    def _report_replacement(self) -> None:
        """Replace a step's output outside Dagster, and report a materialization."""
        found = self._random_output()
        if found is None or found[0].manager is Manager.DEFAULT:
            return  # Dagster's own IO manager would still load the existing file
        plan, name, partition = found
        self._report(plan, name, partition)

    def _tick(self) -> None:
        with dg.build_sensor_context(
            instance=self.environment.instance,
            repository_def=self.repository,
            resources={"registry": self.environment.registry_resource},
            cursor=self.cursor,
        ) as context:
            answer = self.repository.get_sensor_def(SENSOR).evaluate_tick(context)
        self.cursor = answer.cursor
        self._log_action("tick", f"tick of {SENSOR}: {answer.skip_message}")

    def _wipe(self) -> None:
        asset = self.random.choice(
            [name for plan in self.case.assets if not plan.form.is_model for name in plan.outputs]
        )
        self.environment.instance.wipe_assets([self.bodies.key(asset)])
        self._log_action("wipe", f"wipe {asset}")

    def _delete_run(self) -> None:
        alive = self.alive()
        known = [
            (run_id, plans)
            for run_id, plans in self.runs
            if not self._would_be_hidden(run_id, alive)
        ]
        if not known:
            return
        run_id, plans = chosen = self.random.choice(known)
        self.environment.instance.delete_run(run_id)
        self.runs.remove(chosen)
        events = [each for write in self.ground_truth.writes if write.run_id == run_id
                  for each in write.events]  # fmt: skip
        self._log_action("delete run", f"delete a run of {plans[-1].name}, events {events}")

    def _would_be_hidden(self, run_id: str, alive: frozenset[int]) -> bool:
        """Return whether an older event would be taken for that of the current content.

        If the run that wrote a partition's content is deleted, and an earlier run is not,
        nothing in Dagster shows that the newest event is not that of the content. No record could
        be correct then, so such runs are not deleted.
        """
        current = {w.place: w for w in self.ground_truth.contents.values() if w.run_id == run_id}
        return any(
            write.place in current
            and write is not current[write.place]
            and not alive.isdisjoint(write.events)
            for write in self.ground_truth.writes
        )

    def _change_mapping(self) -> None:
        able = [plan for plan in self.bodies.case.assets if _mappable(self.bodies.case, plan)]
        if not able:
            return
        plan = self.random.choice(able)
        place, choices = self.random.choice(_mappable(self.bodies.case, plan))
        one = replace(plan.inputs[place], mapping=self.random.choice(choices))
        inputs = (*plan.inputs[:place], one, *plan.inputs[place + 1 :])
        self.bodies.case = self.bodies.case.changed(replace(plan, inputs=inputs))
        self.changed = True
        self._rebuild()
        self._log_action("change mapping", f"{plan.name} now reads {one}")

    def _remove_input(self) -> None:
        able = [plan for plan in self.bodies.case.assets if len(_removable(plan)) > 1]
        if not able:
            return
        plan = self.random.choice(able)
        removed = self.random.choice(_removable(plan))
        inputs = tuple(each for each in plan.inputs if each is not removed)
        self.bodies.case = self.bodies.case.changed(replace(plan, inputs=inputs))
        self.changed = True
        self._rebuild()
        self._log_action("remove input", f"{plan.name} no longer reads {removed.asset}")

    def _add_keys(self, keys: Sequence[str]) -> None:
        self.environment.instance.add_dynamic_partitions(f"{self.case.name}_keys", list(keys))
        self._log_action("add key", f"add dynamic partitions {', '.join(keys)}")

    def _delete_key(self) -> None:
        keys = keys_of(Partitioning.DYNAMIC, self.case.name, self.environment.instance)
        if len(keys) > 1:
            key = self.random.choice(keys)
            self.environment.instance.delete_dynamic_partition(f"{self.case.name}_keys", key)
            self.changed = True
            self._log_action("delete key", f"delete the dynamic partition {key}")


def _removable(plan: AssetPlan) -> list[InputPlan]:
    """Return the inputs of a plan that are not its own earlier partitions."""
    return [each for each in plan.inputs if each.asset not in plan.outputs]


def _mappable(case: Case, plan: AssetPlan) -> list[tuple[int, list[Any]]]:
    """Return the inputs of a plan that can have another mapping, with the alternatives."""
    found = []
    for place, one in enumerate(plan.inputs):
        source = case.plan(one.asset)
        if one.asset == plan.name or one.mode is ReadMode.CHOSEN:
            continue
        keys = FOCUS[source.partitioning][:1]
        others = [
            each
            for each in mappings(source.partitioning, plan.partitioning, keys)
            if each != one.mapping
        ]
        if others:
            found.append((place, others))
    return found
