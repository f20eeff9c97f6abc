"""Verdicts, evaluations, profiles and drift over HTTP."""

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel

from pedigree.audit.records import Actor
from pedigree.client._session import ServiceSession, only_in_process
from pedigree.datasets.records import DataState, DataVerdict, RecordedDataVerdict
from pedigree.evaluation.records import Evaluation, KeptEvaluation
from pedigree.lifecycle.records import RecordedVerdict, Verdict
from pedigree.monitoring.profile import profile
from pedigree.monitoring.records import DataProfile, Expectations, RecordedDrift


class _FoundEvaluation(BaseModel):
    evaluation: KeptEvaluation | None


class MonitoringOperations(ServiceSession):
    """Verbs that keep what was found elsewhere; as their namesakes of ``Registry`` do."""

    def record_verdict(
        self, reference: str, verdict: Verdict, *, actor: Actor | None = None
    ) -> RecordedVerdict:
        """Record what a check found; with all its checks passed a new version becomes a candidate.

        The registry's own checks are run by the service, which takes nobody's word for them.
        """
        only_in_process(actor=actor)
        path = self._version_path(reference, "/verdicts")
        return self._write(RecordedVerdict, "POST", path, verdict)

    def set_evaluation(
        self, reference: str, evaluation: Evaluation, *, actor: Actor | None = None
    ) -> None:
        """Keep how a version did by group; an old version may be evaluated at any time."""
        only_in_process(actor=actor)
        self._do("PUT", self._version_path(reference, "/evaluation"), evaluation)

    def evaluation(self, reference: str) -> KeptEvaluation | None:
        """Return how a version did by group; None where no evaluation is kept with it."""
        return self._read(_FoundEvaluation, self._version_path(reference, "/evaluation")).evaluation

    def keep_profile(
        self, reference: str, profile: DataProfile, *, actor: Actor | None = None
    ) -> None:
        """Keep the profile of what a version learnt from; the one it has already stays."""
        only_in_process(actor=actor)
        self._do("PUT", self._version_path(reference, "/profile"), profile)

    def profile(self, reference: str) -> DataProfile:
        """Return the profile of what a version learnt from."""
        return self._read(DataProfile, self._version_path(reference, "/profile"))

    def measure_drift(
        self,
        reference: str,
        data: Any,
        *,
        asset: str,
        partition: str | None = None,
        data_version: str | None = None,
        expectations: Iterable[Expectations] = (),
        run_id: str | None = None,
        actor: Actor | None = None,
    ) -> RecordedDrift:
        """Hold some data against what a version learnt from, by the rule of its policy.

        It is profiled where it lies: the service is sent its profile alone.
        """
        only_in_process(actor=actor)
        path = self._version_path(reference)
        if not isinstance(data, DataProfile):
            data = profile(data, like=self._read(DataProfile, f"{path}/profile"))
        measured = {
            "profile": data,
            "asset": asset,
            "partition": partition,
            "data_version": data_version,
            "expectations": tuple(expectations),
            "run_id": run_id,
        }
        return self._write(RecordedDrift, "POST", f"{path}/drift", measured)

    def drift(self, reference: str, asset: str | None = None) -> tuple[RecordedDrift, ...]:
        """Return the newest result of each partition that was held against a version, in order."""
        path = self._version_path(reference, "/drift")
        return self._read(dict[str, tuple[RecordedDrift, ...]], path, asset=asset)["results"]

    def drift_result(self, drift_id: int) -> RecordedDrift:
        """Return one result."""
        return self._read(RecordedDrift, f"/drift/{drift_id}")

    def drift_report_text(self, drift_id: int, *, markdown: bool = False) -> str:
        """Return the report of one result, as HTML or as Markdown."""
        path = f"/drift/{drift_id}/report"
        return self._connection.get(path, markdown=markdown or None).decode()

    def alert_drift(self, drift_id: int, *, actor: Actor | None = None) -> bool:
        """Tell of an alarm by the event ``version.drift_detected``, and once."""
        only_in_process(actor=actor)
        return self._write(dict[str, bool], "POST", f"/drift/{drift_id}/alert")["alerted"]

    def record_data_verdict(
        self, verdict: DataVerdict, *, actor: Actor | None = None
    ) -> RecordedDataVerdict:
        """Record what a check, such as a suite of expectations, found on one state of some data."""
        only_in_process(actor=actor)
        return self._write(RecordedDataVerdict, "POST", "/data/verdicts", verdict)

    def data_verdicts(self, states: Sequence[DataState]) -> tuple[RecordedDataVerdict, ...]:
        """Return the newest verdict of each check on exactly some states of data."""
        return tuple(found for state in states for found in self._of_state(state))

    def _of_state(self, state: DataState) -> tuple[RecordedDataVerdict, ...]:
        asked = state.model_dump(include=set(DataState.model_fields))
        kind = dict[str, tuple[RecordedDataVerdict, ...]]
        return self._read(kind, "/data/verdicts", **asked)["verdicts"]
