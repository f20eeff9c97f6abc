"""Run the registry's checks on versions, and record what any check found."""

from collections.abc import Sequence
from typing import NamedTuple

from pedigree.audit.records import Actor
from pedigree.catalog.records import ModelVersion
from pedigree.errors import InvalidMetadataError, InvalidPolicyError, MissingDependencyError
from pedigree.lifecycle import promotion_queue
from pedigree.lifecycle.check_queue import end_unjudged
from pedigree.lifecycle.checks import CHECKS
from pedigree.lifecycle.checks.base import Check
from pedigree.lifecycle.checks.reports import report
from pedigree.lifecycle.checks.severity import shown_severity
from pedigree.lifecycle.records import CheckRule, RecordedVerdict, Verdict
from pedigree.lifecycle.stage_requests import perform_due
from pedigree.lifecycle.stage_transitions import StageTransition
from pedigree.postgres.transaction import Transaction
from pedigree.registry.datasets import DataOperations
from pedigree.registry.evaluations import EvaluationOperations
from pedigree.registry.stages import StageOperations

# A tick of the sensor has a minute for all models.
_RENEWED_AT_ONCE = 50


class CheckResult(NamedTuple):
    """What the checks of one run found, and why there are no more of them."""

    verdicts: Sequence[Verdict]
    problem: InvalidPolicyError | MissingDependencyError | None


class CheckOperations(StageOperations, DataOperations, EvaluationOperations):
    """Verbs that judge versions."""

    def run_check(
        self,
        reference: str,
        check: str,
        *,
        rule: CheckRule | None = None,
        run_id: str | None = None,
        actor: Actor | None = None,
    ) -> RecordedVerdict:
        """Run one of the registry's own checks on a version, and record its verdict.

        Args:
            reference: The version.
            check: The check's name.
            rule: By which settings it judges; those of the first stage that asks for it when None.
            run_id: The Dagster run that asks.
            actor: Who asks; found out when None.

        Raises:
            InvalidMetadataError: There is no such check.
            InvalidPolicyError: The check does not take the rule's settings.
            MissingDependencyError: What the check needs is not installed.
        """
        known, version = _known(check), self.get(reference)
        if rule is None:
            rule = self.check_rules(version.model_name, check)[0]
        verdict = known.verdict(self, version, rule)
        return self.record_verdict(
            version.reference, verdict.model_copy(update={"run_id": run_id}), actor=actor
        )

    def rerun_check(
        self, reference: str, check: str, *, actor: Actor | None = None
    ) -> tuple[RecordedVerdict, ...]:
        """Run a check on a version, also on one older than the check, and show it in the graph.

        Where the Dagster instance that trained the version is within reach, each verdict appears
        there as an evaluation, without a run, of the version's own materialization.

        Returns:
            One verdict for each of the settings under which the policy's stages ask for it.

        Raises:
            InvalidMetadataError: There is no such check.
            MissingDependencyError: What the check needs is not installed.
        """
        _known(check)
        version = self.get(reference)
        verdicts = tuple(
            self.run_check(version.reference, check, rule=rule, actor=actor)
            for rule in self.check_rules(version.model_name, check)
        )
        self._show(version, verdicts)
        return verdicts

    def run_checks(self, reference: str) -> tuple[RecordedVerdict, ...]:
        """Run all the registry's checks for which the model's stages ask, by each one's settings.

        Raises:
            InvalidPolicyError: A check does not take the settings that the policy gives it.
            MissingDependencyError: What a check needs is not installed.
        """
        version = self.get(reference)
        found = self._find(version)
        recorded = self._record_verdicts(version.reference, found.verdicts, self.actor())
        if found.problem:
            raise found.problem
        return recorded

    def judge(self, reference: str) -> tuple[RecordedVerdict, ...]:
        """Run all the registry's checks on a version, and draw the card that shows the verdicts.

        Raises:
            InvalidPolicyError: A check does not take the settings that the policy gives it.
            MissingDependencyError: What a check needs is not installed.
        """
        verdicts = self._judge(self.get(reference), is_noted=False)
        self.renew_card(reference)
        return verdicts

    def _judge(self, version: ModelVersion, *, is_noted: bool) -> tuple[RecordedVerdict, ...]:
        """Judge a version; ``is_noted`` says that others do it where this process ends before."""
        found = self._find(version)

        def write(transaction: Transaction) -> tuple[RecordedVerdict, ...]:
            recorded = self._write_found(transaction, version, found.verdicts)
            if found.problem is None or not is_noted:
                end_unjudged(transaction, version.model_name, version.version_id)
            return recorded

        verdicts = self.database.transaction(write, pipelined=True)
        if found.problem is not None:
            raise found.problem
        return verdicts

    def _write_found(
        self, transaction: Transaction, version: ModelVersion, verdicts: Sequence[Verdict]
    ) -> tuple[RecordedVerdict, ...]:
        """Write what the checks of one run found, and do what was asked for if that was missing."""
        if not verdicts:
            return ()
        mover = StageTransition(
            transaction, version.model_name, self.actor(), run_id=verdicts[0].run_id
        )
        recorded = mover.record_verdicts(version.version_id, verdicts)
        perform_due(transaction, version.model_name)
        return recorded

    def _find(self, version: ModelVersion) -> CheckResult:
        """Run the registry's checks on a version, up to the first one that cannot be run."""
        policy, verdicts = self.policy(version.model_name), list[Verdict]()
        try:
            for name, known in CHECKS.items():
                for rule in policy.check_rules(name):
                    verdicts.append(known.verdict(self, version, rule))
        except (InvalidPolicyError, MissingDependencyError) as error:
            return CheckResult(verdicts, error)
        return CheckResult(verdicts, None)

    def check_rules(self, name: str, check: str) -> tuple[CheckRule, ...]:
        """Return the rules by which a model's stages ask for a check, of each settings the first.

        A check that no stage asks for goes by its own defaults.
        """
        return self.policy(name).check_rules(check) or (CheckRule(name=check),)

    def record_verdict(
        self, reference: str, verdict: Verdict, *, actor: Actor | None = None
    ) -> RecordedVerdict:
        """Record what a check found; with all its checks passed a new version becomes a candidate.

        When it passes the last gate of what somebody asked for, the version enters that stage.

        Raises:
            InvalidMetadataError: The verdict is about other bytes than the version's.
        """
        (recorded,) = self._record_verdicts(reference, [verdict], actor or self.actor())
        return recorded

    def _record_verdicts(
        self, reference: str, verdicts: Sequence[Verdict], actor: Actor
    ) -> tuple[RecordedVerdict, ...]:
        """Record what the checks of one run found, all of it or nothing."""
        if not verdicts:
            return ()

        def write(transaction: Transaction, version: ModelVersion) -> tuple[RecordedVerdict, ...]:
            for verdict in verdicts:
                _require_bytes_of(version, verdict)
            mover = StageTransition(
                transaction, version.model_name, actor, run_id=verdicts[0].run_id
            )
            return mover.record_verdicts(version.version_id, verdicts)

        return self._with_requests(reference, write)

    def renew_verdicts(self, name: str) -> tuple[RecordedVerdict, ...]:
        """Run anew the checks of waiting versions whose verdict is void, too old, or not there.

        Not there is the verdict of a version that is older than its model's policy, where this asks
        for a check, or for other settings of one, that nothing has looked at. The newest versions
        come first, a few at each call. Only the registry's own checks can be run from here; others
        wait for their run.

        Raises:
            MissingDependencyError: What one of them needs is not installed; the others have run.
        """
        wanted = self.database.read(
            lambda transaction: promotion_queue.checks_to_renew(transaction, name)
        )
        renewable = [(version, check) for version, check in wanted if check.name in CHECKS]
        renewable = renewable[:_RENEWED_AT_ONCE]
        renewed: list[RecordedVerdict] = []
        lacking: MissingDependencyError | None = None
        for version, check in renewable:
            try:
                renewed.append(self.run_check(f"{name}/{version}", check.name, rule=check))
            except MissingDependencyError as error:
                lacking = error
        if lacking is not None:
            raise lacking
        return tuple(renewed)

    def _show(self, version: ModelVersion, verdicts: Sequence[RecordedVerdict]) -> None:
        origin = self.trainings(version.reference, limit=1)[0].origin
        severity = shown_severity(self.policy(version.model_name), verdicts[0])
        report(version, origin, verdicts, severity, self.settings)


def _require_bytes_of(version: ModelVersion, verdict: Verdict) -> None:
    if verdict.digest != version.digest:
        raise InvalidMetadataError(
            f"the verdict is about other bytes than {version.reference}",
            field="digest",
            value=verdict.digest,
            remedy=f"Judge {version.digest}",
        )


def _known(check: str) -> Check:
    if check not in CHECKS:
        raise InvalidMetadataError(
            "the registry has no such check",
            field="check",
            value=check,
            remedy=f"Choose one of {', '.join(CHECKS)}",
        )
    return CHECKS[check]
