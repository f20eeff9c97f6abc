"""Observe and report what lies outside of Dagster."""

from dataclasses import dataclass

import dagster as dg

from tests.dagster.capture.law.kit import version_of
from tests.dagster.capture.law.plans import AssetPlan, Form
from tests.dagster.capture.law.running import Runner, error_of
from tests.dagster.capture.law.world import Write

SENSOR = "pedigree_lineage"


@dataclass
class Sources(Runner):
    """A case whose sources are looked at."""

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
        assert result.success, error_of(result)
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
