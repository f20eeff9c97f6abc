"""A random history of a case: runs, wipes, deletions, observations, changes and trainings."""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import dagster as dg

from pedigree.errors import NotFoundError
from pedigree.lineage.records import LineageGraph
from tests.dagster.law.building import build
from tests.dagster.law.kit import Kit, version_of
from tests.dagster.law.laboratory import Laboratory
from tests.dagster.law.managers import WORLDS
from tests.dagster.law.plans import FOCUS, AssetPlan, Case, Form, Hook, How, InputPlan, Manager
from tests.dagster.law.shapes import Shape, keys_of, mapped, mappings
from tests.dagster.law.world import Place, World, Write

_PAGE = 1000
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
class Trained:
    """A version, with what is true of it."""

    reference: str
    root: Write
    alive: frozenset[int]  # the events that were there when it was trained
    changed: bool  # definitions had changed by then
    graph: LineageGraph


@dataclass
class Failure:
    """A run that ought to succeed."""

    plan: AssetPlan
    error: str


@dataclass
class Trial:
    """A case on an instance, with all that has happened to it."""

    lab: Laboratory
    case: Case
    hook: Hook
    trace: list[str] = field(default_factory=list)
    done: set[str] = field(default_factory=set)  # the kinds of action, for the generator's test
    trained: list[Trained] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    changed: bool = False
    ticked: int = 0

    def __post_init__(self) -> None:
        self.world = WORLDS[self.case.name] = World()
        self.random = Random(f"history {self.case.seed}")
        self.kit = Kit(self.case, self.world, self.lab.instance, self.lab.folder)
        self.cursor: str | None = None
        self.runs: list[tuple[str, tuple[AssetPlan, ...]]] = []
        self.wipes = self.random.random() < 0.6
        self.changes = self.random.random() < 0.35
        self.kit.hook = self.hook is Hook.ON
        self._rebuild()

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

    def _rebuild(self) -> None:
        self.definitions = build(self.kit, self.lab.registry_resource)
        self.repository = self.definitions.get_repository_def()

    def _say(self, kind: str, text: str) -> None:
        self.done.add(kind)
        self.trace.append(text)

    # --- runs

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

    def _keys(self, plan: AssetPlan) -> list[str]:
        return self._keys_of(plan.shape)

    def _keys_of(self, shape: Shape) -> list[str]:
        return keys_of(shape, self.case.name, self.lab.instance)

    def _run_range(self, plan: AssetPlan, keys: Sequence[str]) -> None:
        if len(keys) < 2:
            self._run(plan, keys[0])
            return
        self._run(plan, None, (keys[0], keys[-1]))

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

    def _run(
        self, plan: AssetPlan, key: str | None, span: tuple[str, str] | None = None
    ) -> list[Write]:
        return self._run_all([plan], key, span)

    def _run_all(
        self, plans: Sequence[AssetPlan], key: str | None, span: tuple[str, str] | None = None
    ) -> list[Write]:
        """Run the steps of some assets; return what they wrote, nothing if they could not run."""
        if not all(self._can_load(plan, key, span, plans) for plan in plans):
            return []
        selected = {self.kit.key(name) for plan in plans for name in self._outputs(plan)}
        job = self.repository.get_implicit_global_asset_job_def()
        kept, first = dict(self.world.contents), len(self.world.writes)
        result = job.get_subset(
            asset_selection=selected, asset_check_selection=set()
        ).execute_in_process(
            instance=self.lab.instance,
            partition_key=key,
            tags=_range_tags(span),
            raise_on_error=False,
        )
        names = " + ".join(plan.name for plan in plans)
        where = f" [{key}]" if key else f" [{span[0]} … {span[1]}]" if span else ""
        if not result.success:
            error = _error_of(result)
            self.world.contents = kept
            self.failures.append(Failure(plans[-1], error))
            self._say("failure", f"run {names}{where} FAILED: {error}")
            return []
        self.runs.append((result.run_id, tuple(plans)))
        made = self.world.writes[first:]
        self._announce(made, result.run_id)
        reads = {str(read.write): read for write in made for read in write.reads}
        kind = "range" if span else "several" if len(plans) > 1 else "run"
        self._say(kind, f"run {names}{where}: {_listed(made)} of {', '.join(reads) or '-'}")
        return made

    def _outputs(self, plan: AssetPlan) -> tuple[str, ...]:
        """Return what a run shall make of a step's outputs."""
        in_part = plan.subset and self.random.random() < 0.4
        return plan.outputs[1:] if in_part else plan.outputs

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

    def _can_load(
        self,
        plan: AssetPlan,
        key: str | None,
        span: tuple[str, str] | None,
        plans: Sequence[AssetPlan],
    ) -> bool:
        """Dagster's own IO manager cannot load one partition, or an asset, that is not there."""
        keys: Sequence[str | None] = [key]
        if span:
            all_keys = self._keys(plan)
            keys = all_keys[all_keys.index(span[0]) : all_keys.index(span[1]) + 1]
        made = {
            (self.kit.full(name), None if each.shape is Shape.NONE else key)
            for each in plans
            for name in each.outputs
        }
        return all(self._is_there(plan, one, keys, made) for one in plan.inputs)

    def _is_there(
        self,
        plan: AssetPlan,
        one: InputPlan,
        keys: Sequence[str | None],
        made: Collection[Place],
    ) -> bool:
        source = self.kit.case.plan(one.asset)
        strict = source.manager is Manager.DEFAULT and not source.form.is_source
        if not strict or one.how not in {How.LOADED, How.CHOSEN} or one.by_input_manager:
            return True
        wanted = mapped(
            one.mapping, source.shape, plan.shape, keys, self.case.name, self.lab.instance
        )
        place = (self.kit.full(one.asset), wanted[0] if wanted else None)
        if one.asset == plan.name:  # an asset that reads its own partition before
            made = ()
        return len(wanted) != 1 or place in self.world.contents or place in made

    def _announce(self, made: Sequence[Write], run_id: str) -> None:
        """Learn the events of what a run has written."""
        for asset in dict.fromkeys(write.asset for write in made):
            key = dg.AssetKey.from_user_string(asset)
            writes = {write.partition: write for write in made if write.asset == asset}
            page = self.lab.instance.fetch_materializations(key, limit=len(writes) + 2)
            for record in page.records:
                event = record.asset_materialization
                if record.run_id == run_id and event is not None:
                    write = writes[event.partition]
                    write.run_id = run_id
                    self.world.announce(write, record.storage_id, _data_version(event))

    # --- sources

    def _fill_source(self, plan: AssetPlan) -> None:
        for key in self._some_keys(plan):
            self._look_at(plan, key)

    def _look_at(self, plan: AssetPlan, key: str | None) -> None:
        if plan.form is Form.OBSERVABLE:
            self._observe_by_run(plan)
        elif plan.reported and (not plan.observed or self.random.random() < 0.5):
            self._report(plan, plan.name, key)
        else:
            self._observe(plan, key)

    def _report(self, plan: AssetPlan, name: str, key: str | None) -> None:
        write = self.world.write((self.kit.full(name), key), form=plan.form.value)
        version = version_of(plan.versions, write.token)
        tags = {"dagster/data_version": version} if version else {}
        asset_key = self.kit.key(name)
        self.lab.instance.report_runless_asset_event(
            dg.AssetMaterialization(asset_key, partition=key, tags=tags)
        )
        (record,) = self.lab.instance.fetch_materializations(asset_key, limit=1).records
        self.world.announce(write, record.storage_id, version)
        self._say("reported", f"materialization reported of {write}")

    def _observe(self, plan: AssetPlan, key: str | None) -> None:
        write, version = self._content(plan, key)
        asset_key = self.kit.key(plan.name)
        self.lab.instance.report_runless_asset_event(
            dg.AssetObservation(asset_key, partition=key, tags={"dagster/data_version": version})
        )
        self._announce_observation(write, version)

    def _observe_by_run(self, plan: AssetPlan) -> None:
        write, version = self._content(plan, None)
        job = self.repository.get_implicit_global_asset_job_def()
        result = job.get_subset(asset_selection={self.kit.key(plan.name)}).execute_in_process(
            instance=self.lab.instance, raise_on_error=False
        )
        assert result.success, _error_of(result)
        self.runs.append((result.run_id, (plan,)))
        write.run_id = result.run_id
        self._announce_observation(write, version)

    def _content(self, plan: AssetPlan, key: str | None) -> tuple[Write, str]:
        """Return what is to be observed: a new content, or sometimes the one that was there."""
        place = (self.kit.full(plan.name), key)
        write = self.world.contents.get(place)
        if write is None or self.random.random() < 0.7:
            write = self.world.write(place, form=plan.form.value)
        version = version_of(plan.versions, write.token)
        assert version is not None
        return write, version

    def _announce_observation(self, write: Write, version: str) -> None:
        key = dg.AssetKey.from_user_string(write.asset)
        (record,) = self.lab.instance.fetch_observations(key, limit=1).records
        again = bool(write.events)
        if write.partition is not None:
            self.world.observed.add(write.asset)
        self.world.announce(write, record.storage_id, version)
        self._say("observed again" if again else "observed", f"observation of {write}")

    # --- what else happens

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
        self.ticked += 1
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

    # --- trainings

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
        if not made:
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

    def alive(self) -> frozenset[int]:
        """Return all events of the case's assets that can be found now."""
        found: set[int] = set()
        for plan in self.kit.case.assets:
            for name in plan.outputs:
                key = self.kit.key(name)
                for fetch in (
                    self.lab.instance.fetch_materializations,
                    self.lab.instance.fetch_observations,
                ):
                    records: Sequence[Any] = fetch(key, limit=_PAGE).records
                    found |= {record.storage_id for record in records}
        return frozenset(found)


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


def _range_tags(span: tuple[str, str] | None) -> dict[str, str]:
    if span is None:
        return {}
    return {
        "dagster/asset_partition_range_start": span[0],
        "dagster/asset_partition_range_end": span[1],
    }


def _data_version(event: dg.AssetMaterialization) -> str | None:
    return (event.tags or {}).get("dagster/data_version")


def _error_of(result: dg.ExecuteInProcessResult) -> str:
    for event in result.all_events:
        if event.is_step_failure:
            error = event.step_failure_data.error
            while error and error.cause:
                error = error.cause
            return str(error.message).strip() if error else "?"
    return "?"


def _listed(writes: Sequence[Write]) -> str:
    return ", ".join(map(str, writes)) or "nothing"
