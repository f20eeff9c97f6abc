"""A code location on a real instance: ticks of its sensors, and the runs that they request."""

from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from pedigree.dagster import model_checks, stage_key
from tests.dagster.models import churn_asset, recipe

CHURN = churn_asset()
STAGING, PRODUCTION = (stage_key("churn", stage) for stage in ("staging", "production"))


@dataclass
class Location:
    """A code location on an instance, and the cursors of its sensors."""

    instance: dg.DagsterInstance
    definitions: dg.Definitions
    resources: dict[str, object]
    cursors: dict[str, str | None] = field(default_factory=dict)
    followed: Any = None

    def tick(self, sensor: str, *, remember: bool = True) -> object:
        repository = self.definitions.get_repository_def()
        with dg.build_sensor_context(
            instance=self.instance,
            instance_ref=self.instance.get_ref(),  # as the daemon does, for dynamic partitions
            repository_def=repository,
            resources=self.resources,
            cursor=self.cursors.get(sensor),
        ) as context:
            answer = repository.get_sensor_def(sensor).evaluate_tick(context)
        if remember:
            self.cursors[sensor] = answer.cursor
        return answer

    def promote(self) -> list[str]:
        """Tick the promotion sensor, execute its run requests, and return them."""
        answer = self.tick("pedigree_promotion")
        for request in answer.run_requests:
            self.execute(request)
        return [request.asset_selection[0].path[-1] for request in answer.run_requests]

    def execute(self, request: dg.RunRequest, **options: object) -> dg.ExecuteInProcessResult:
        job = self.definitions.get_repository_def().get_job(request.job_name)
        wanted = job.get_subset(
            asset_selection=set(request.asset_selection),
            asset_check_selection=set(request.asset_check_keys or ()),
        )
        return wanted.execute_in_process(
            instance=self.instance,
            run_config={"ops": request.run_config.get("ops", {})},
            tags=dict(request.tags),
            partition_key=request.partition_key,
            **options,
        )

    def materialize(
        self, key: dg.AssetKey, *, run_config: dg.RunConfig | None = None, checks: bool = False
    ) -> dg.ExecuteInProcessResult:
        """Materialize one of its assets, optionally with its checks."""
        job = self.definitions.get_repository_def().get_implicit_global_asset_job_def()
        wanted = job.get_subset(
            asset_selection={key}, asset_check_selection=None if checks else set()
        )
        return wanted.execute_in_process(instance=self.instance, run_config=run_config)

    def follow(self) -> dict[str, object]:
        """Run the requested assets, and return the version that each of them used."""
        result = dg.evaluate_automation_conditions(
            self.definitions, self.instance, cursor=self.followed
        )
        self.followed = result.cursor
        to_run = [
            spec.key
            for spec in self.definitions.resolve_all_asset_specs()
            if result.get_num_requested(spec.key)
        ]
        return {key.path[-1]: self._by(key) for key in to_run}

    def _by(self, key: dg.AssetKey) -> object:
        (event,) = self.materialize(key).get_asset_materialization_events()
        return event.materialization.metadata["by"].value

    def mirror(self) -> list[tuple[str, str]]:
        """Tick the mirror, store its events, and return the stage and version of each."""
        answer = self.tick("pedigree_mirror")
        for event in answer.asset_events:
            self.instance.report_runless_asset_event(event)
        return [
            (event.asset_key.path[-1], event.tags["pedigree/version"])
            for event in answer.asset_events
        ]

    def train(self, content: str, accuracy: float = 0.8, **options: object) -> None:
        dg.materialize(
            [CHURN, model_checks(CHURN, blocking=False)],
            instance=self.instance,
            resources=self.resources,
            run_config=recipe(CHURN, content, accuracy),
            **options,
        )
