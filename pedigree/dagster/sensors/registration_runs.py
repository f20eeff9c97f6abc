"""Runs that judge pending versions by asset checks of users, as a policy's registration asks.

The registry has the version's bytes already. A run executes the checks alone; the promotion sensor
records what they find, and the registry then seals the version or lets its registration fail.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

import dagster as dg

from pedigree.dagster import metadata_keys
from pedigree.dagster.capture.judged_versions import judging_tags
from pedigree.dagster.checks.checked_version import CheckedDigest, CheckedVersion, checked_digest
from pedigree.dagster.sensors.promotion_attempts import PromotionAttempts, attempts_of
from pedigree.dagster.sensors.promotion_runs import ATTEMPTS
from pedigree.dagster.sensors.targets import Target, Targets
from pedigree.dagster.sensors.tick_loops import stage_run_config
from pedigree.dagster.version_pages import page_of
from pedigree.failures.member_loop import MemberLoop
from pedigree.lifecycle.awaited_checks import AwaitedChecks
from pedigree.registry import Registry


class RegistrationRequests(NamedTuple):
    """The runs that a tick requests for pending versions, and what it notes about others."""

    runs: tuple[dg.RunRequest, ...]
    notes: tuple[str, ...]


def registration_requests(
    context: dg.SensorEvaluationContext, registry: Registry, targets: Targets, loop: MemberLoop
) -> RegistrationRequests:
    """Request the runs that judge pending versions of this repository's models.

    A version whose checks cannot run here, or whose runs failed too often, fails with the reason.

    Args:
        context: The tick's context.
        registry: The registry.
        targets: The models of the repository.
        loop: The loop over the tick's models: one that fails does not stop the others.
    """
    waiting = registry.operations.awaited_checks.waiting()
    found = targets.find(context.instance, {each.name for each in waiting}) if waiting else {}
    if not found:
        return RegistrationRequests((), ())
    if not _may_request(context):
        return RegistrationRequests((), (f"{waiting[0].reference}: the sensor selects no assets",))
    runs: list[dg.RunRequest] = []
    notes: list[str] = []
    for awaited in waiting:
        if (target := found.get(awaited.name)) is not None:
            work = partial(_Registration(context, registry, awaited, target).request)
            request, note = loop.attempt(awaited.name, work, model=awaited.name).value or (None, "")
            runs += [request] if request else []
            notes += [f"{awaited.reference}: {note}"] if note else []
    return RegistrationRequests(tuple(runs), tuple(notes))


def _may_request(context: dg.SensorEvaluationContext) -> bool:
    """Return whether the sensor selects assets; a custom one of before requested no runs."""
    name = getattr(context, "_sensor_name", None)  # its property fails outside of a daemon
    repository = context.repository_def
    return not name or not repository or bool(repository.get_sensor_def(name).targets)


class _Registration:
    """A pending version and the runs that judge it."""

    def __init__(
        self,
        context: dg.SensorEvaluationContext,
        registry: Registry,
        awaited: AwaitedChecks,
        target: Target,
    ) -> None:
        self._context = context
        self._instance = context.instance
        self._registry = registry
        self._awaited = awaited
        self._target = target

    def request(self) -> tuple[dg.RunRequest | None, str | None]:
        """Return the request of a run, or a note with the reason for not requesting it."""
        if problem := self._cannot_run():
            return self._give_up(problem)
        self._registry.operations.awaited_checks.ask(self._awaited)
        runs = self._runs()
        if any(not run.dagster_run.is_finished for run in runs):
            return None, "its checks are running"
        results = self._results(runs)
        digest = self._awaited.digest
        answered = {check for check, examined in results.items() if examined.digest == digest}
        missing = [check for check in self._awaited.missing if check not in answered]
        if not missing:
            return None, "its checks have run"
        attempts = attempts_of(self._instance, runs)
        if problem := _hopeless(runs, results, missing, attempts):
            return self._give_up(problem)
        if (at := attempts.next_at()) is not None and at > datetime.now(UTC):
            return None, f"{attempts.lost} runs were lost, next request at {at:%Y-%m-%d %H:%M:%S%z}"
        return self._run_request(missing, len(runs) + 1), None

    def _give_up(self, problem: str) -> tuple[None, str]:
        self._registry.operations.awaited_checks.give_up(self._awaited, problem)
        return None, problem

    def _cannot_run(self) -> str | None:
        """Return why a check that the version waits for cannot run alone in this repository."""
        repository, key = self._context.repository_def, self._target.model_spec.key
        if repository is None:
            return "There is no repository"
        graph = repository.asset_graph
        for check in self._awaited.missing:
            check_key = dg.AssetCheckKey(key, check)
            if check_key not in graph.asset_check_keys:
                return f"{check} is no asset check of {key.to_user_string()}"
            if graph.assets_def_for_key(check_key).keys:
                return f"The check {check} runs only in the step that makes {key.to_user_string()}"
        return None

    def _runs(self) -> Sequence[dg.RunRecord]:
        wanted = {metadata_keys.REGISTRATION: self._awaited.reference}
        return self._instance.get_run_records(dg.RunsFilter(tags=wanted))

    def _results(self, runs: Sequence[dg.RunRecord]) -> Mapping[str, CheckedDigest]:
        """Return which version each of the checks examined, in its newest run that has a result."""
        found: dict[str, CheckedDigest] = {}
        for run in sorted(runs, key=lambda each: each.create_timestamp):
            found |= dict(self._results_of(run.dagster_run.run_id))
        return found

    def _results_of(self, run_id: str) -> Iterator[tuple[str, CheckedDigest]]:
        records = self._instance.get_records_for_run(
            run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
        ).records
        for record in records:
            entry = record.event_log_entry
            evaluation = entry.asset_check_evaluation
            if evaluation is None or evaluation.asset_key != self._target.model_spec.key:
                continue
            partition = self._target.partition
            checked = CheckedVersion(
                *(record.storage_id, entry.run_id, entry.step_key),
                *(evaluation, self._awaited.name, partition),
            )
            examined = checked_digest(self._instance, self._registry, checked)
            if examined is not None:
                yield evaluation.check_name, examined

    def _run_request(self, checks: Sequence[str], attempt: int) -> dg.RunRequest:
        reference, key = self._awaited.reference, self._target.model_spec.key
        page = page_of(reference, self._registry.settings)
        return dg.RunRequest(
            # Dagster never reuses a run key, not even after a failed run.
            run_key=f"{reference}:{self._awaited.digest[-12:]}:{attempt}",
            asset_selection=[],
            asset_check_keys=[dg.AssetCheckKey(key, check) for check in checks],
            partition_key=self._target.partition,
            run_config=stage_run_config(self._context, {}),
            tags={
                **judging_tags(reference, key),
                **({} if page is None else {metadata_keys.PAGE: page}),
            },
        )


def _hopeless(
    runs: Sequence[dg.RunRecord],
    results: Mapping[str, CheckedDigest],
    missing: Sequence[str],
    attempts: PromotionAttempts,
) -> str | None:
    """Return why another run would not judge the version either, or None."""
    for check in missing:
        if check in results:
            why = results[check].problem or "it examined other bytes"
            return f"The check {check} ran, but not on this version: {why}"
    if len(attempts.failed) >= ATTEMPTS:
        last = attempts.failed[-1]
        return (
            f"The runs of {', '.join(missing)} failed {len(attempts.failed)} times, the last one,"
            f" {last.run_id}: {last.problem}"
        )
    if any(run.dagster_run.is_success for run in runs):
        return f"A run of {', '.join(missing)} ended without a result"
    return None
