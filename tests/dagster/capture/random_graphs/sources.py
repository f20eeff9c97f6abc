"""Observe and report external assets."""

from dataclasses import dataclass

import dagster as dg

from tests.dagster.capture.random_graphs.bodies import version_of
from tests.dagster.capture.random_graphs.ground_truth import Write
from tests.dagster.capture.random_graphs.plans import AssetPlan, Form
from tests.dagster.capture.random_graphs.runner import Runner, error_of

SENSOR = "pedigree_lineage"


@dataclass
class Sources(Runner):
    """A case with observed sources."""

    def _look_at(self, plan: AssetPlan, key: str | None) -> None:
        if plan.form is Form.OBSERVABLE:
            self._observe_by_run(plan)
        elif plan.reported and (not plan.observed or self.random.random() < 0.5):
            self._report(plan, plan.name, key)
        else:
            self._observe(plan, key)

    def _report(self, plan: AssetPlan, name: str, key: str | None) -> None:
        write = self.ground_truth.write((self.bodies.full(name), key), form=plan.form.value)
        version = version_of(plan.versions, write.token)
        tags = {"dagster/data_version": version} if version else {}
        asset_key = self.bodies.key(name)
        self.environment.instance.report_runless_asset_event(
            dg.AssetMaterialization(asset_key, partition=key, tags=tags)
        )
        (record,) = self.environment.instance.fetch_materializations(asset_key, limit=1).records
        self.ground_truth.add_event(write, record.storage_id, version)
        self._log_action("reported", f"materialization reported of {write}")

    def _observe(self, plan: AssetPlan, key: str | None) -> None:
        write, version = self._content(plan, key)
        asset_key = self.bodies.key(plan.name)
        self.environment.instance.report_runless_asset_event(
            dg.AssetObservation(asset_key, partition=key, tags={"dagster/data_version": version})
        )
        self._note_observation(write, version)

    def _observe_by_run(self, plan: AssetPlan) -> None:
        write, version = self._content(plan, None)
        job = self.repository.get_implicit_global_asset_job_def()
        result = job.get_subset(asset_selection={self.bodies.key(plan.name)}).execute_in_process(
            instance=self.environment.instance, raise_on_error=False
        )
        assert result.success, error_of(result)
        self.runs.append((result.run_id, (plan,)))
        write.run_id = result.run_id
        self._note_observation(write, version)

    def _content(self, plan: AssetPlan, key: str | None) -> tuple[Write, str]:
        """Return the content to observe: usually a new one, sometimes the previous one."""
        place = (self.bodies.full(plan.name), key)
        write = self.ground_truth.contents.get(place)
        if write is None or self.random.random() < 0.7:
            write = self.ground_truth.write(place, form=plan.form.value)
        version = version_of(plan.versions, write.token)
        assert version is not None
        return write, version

    def _note_observation(self, write: Write, version: str) -> None:
        key = dg.AssetKey.from_user_string(write.asset)
        (record,) = self.environment.instance.fetch_observations(key, limit=1).records
        again = bool(write.events)
        if write.partition is not None:
            self.ground_truth.observed.add(write.asset)
        self.ground_truth.add_event(write, record.storage_id, version)
        self._log_action("observed again" if again else "observed", f"observation of {write}")
