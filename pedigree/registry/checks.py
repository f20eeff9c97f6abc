"""Checks and their verdicts on versions."""

from collections.abc import Sequence
from typing import NamedTuple

from pedigree._record import PAGE
from pedigree.access.records import Permission
from pedigree.audit.records import Actor
from pedigree.catalog.records import ModelVersion, TrainingOrigin
from pedigree.catalog.references import parse_reference
from pedigree.catalog.sealed import sealed_digest
from pedigree.contract.cards import CardContract
from pedigree.contract.checks import CheckContract
from pedigree.contract.policies import PolicyContract
from pedigree.contract.versions import VersionContract
from pedigree.errors import InvalidMetadataError, InvalidPolicyError, MissingDependencyError
from pedigree.lifecycle import promotion_queue
from pedigree.lifecycle.check_queue import end_unjudged
from pedigree.lifecycle.checks import CHECKS
from pedigree.lifecycle.checks.base import Check, Evidence
from pedigree.lifecycle.checks.reports import report
from pedigree.lifecycle.checks.severity import shown_severity
from pedigree.lifecycle.gate_inputs import look_at_model
from pedigree.lifecycle.records import CheckRule, RecordedVerdict, Verdict
from pedigree.lifecycle.shared_verdicts import JudgedBytes, judged_bytes
from pedigree.lifecycle.stage_requests import perform_due
from pedigree.lifecycle.stage_transitions import StageTransition
from pedigree.lifecycle.store import latest_verdicts
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import Context
from pedigree.registry.stage_requests import StageRequestOperations

# A tick of the sensor has a minute for all models.
_RENEWED_AT_ONCE = 50


class CheckResult(NamedTuple):
    """The verdicts of one run of checks, and the problem that stopped it."""

    verdicts: Sequence[Verdict]
    problem: InvalidPolicyError | MissingDependencyError | None


class CheckOperations(CheckContract):
    """Checks and their verdicts on versions."""

    def __init__(
        self,
        context: Context,
        *,
        versions: VersionContract,
        policies: PolicyContract,
        cards: CardContract,
        stage_requests: StageRequestOperations,
        evidence: Evidence,
    ) -> None:
        self._context = context
        self._versions = versions
        self._stage_requests = stage_requests
        self._policies = policies
        self._cards = cards
        self._evidence = evidence

    def run_check(
        self,
        reference: str,
        check: str,
        *,
        rule: CheckRule | None = None,
        run_id: str | None = None,
        actor: Actor | None = None,
    ) -> RecordedVerdict:
        own_check, version = _own_check(check), self._version_to_judge(reference)
        if rule is None:
            rule = self._policies.check_rules(version.model_name, check)[0]
        verdict = own_check.verdict(self._evidence, version, rule)
        return self.record_verdict(
            version.reference, verdict.model_copy(update={"run_id": run_id}), actor=actor
        )

    def rerun_check(
        self, reference: str, check: str, *, actor: Actor | None = None
    ) -> tuple[RecordedVerdict, ...]:
        _own_check(check)
        version = self._version_to_judge(reference)
        verdicts = tuple(
            self.run_check(version.reference, check, rule=rule, actor=actor)
            for rule in self._policies.check_rules(version.model_name, check)
        )
        self._report(version, verdicts)
        return verdicts

    def run_checks(self, reference: str) -> tuple[RecordedVerdict, ...]:
        version = self._version_to_judge(reference)
        found = self._find(version)
        recorded = self._record_verdicts(version.reference, found.verdicts, None)
        if found.problem:
            raise found.problem
        return recorded

    def judge(self, reference: str) -> tuple[RecordedVerdict, ...]:
        verdicts = self.judge_version(self._version_to_judge(reference), is_noted=False)
        self._cards.card(reference)  # rendered now, for readers of the store
        return verdicts

    def record_verdict(
        self, reference: str, verdict: Verdict, *, actor: Actor | None = None
    ) -> RecordedVerdict:
        (recorded,) = self._record_verdicts(reference, [verdict], actor)
        return recorded

    def verdicts(
        self, reference: str, *, limit: int = PAGE, after: int | None = None
    ) -> tuple[RecordedVerdict, ...]:
        return self._context.read_version(
            reference,
            lambda transaction, version: latest_verdicts(
                transaction, version, limit=limit, after=after
            ),
        )

    def judge_version(
        self, version: ModelVersion, *, is_noted: bool
    ) -> tuple[RecordedVerdict, ...]:
        """Judge a version; ``is_noted``: other processes do it if this one ends before."""
        found = self._find(version, self._judged_bytes(version) if is_noted else None)

        def write(transaction: Transaction) -> tuple[RecordedVerdict, ...]:
            recorded = self._write_found(transaction, version, found.verdicts)
            if found.problem is None or not is_noted:
                end_unjudged(transaction, version.model_name, version.version_id)
            return recorded

        verdicts = self._context.database.transaction(write, pipelined=True)
        if found.problem is not None:
            raise found.problem
        return verdicts

    def _write_found(
        self, transaction: Transaction, version: ModelVersion, verdicts: Sequence[Verdict]
    ) -> tuple[RecordedVerdict, ...]:
        """Record the verdicts of one run, and perform the requests that only lacked them."""
        if not verdicts:
            return ()
        transition = StageTransition(
            transaction, version.model_name, self._context.principal(), run_id=verdicts[0].run_id
        )
        recorded = transition.record_verdicts(version.version_id, verdicts)
        perform_due(transaction, version.model_name)
        return recorded

    def _version_to_judge(self, reference: str) -> ModelVersion:
        """Return a version, and require the permission to judge it."""
        self._context.require(Permission.JUDGE, parse_reference(reference).name)
        return self._versions.get(reference)

    def _judged_bytes(self, version: ModelVersion) -> JudgedBytes:
        """Return what checks found on the bytes of a version before, also of other versions."""
        digest = sealed_digest(version)

        def read(transaction: Transaction) -> JudgedBytes:
            return judged_bytes(transaction, look_at_model(transaction, version.model_name), digest)

        return self._context.database.read(read)

    def _find(self, version: ModelVersion, known: JudgedBytes | None = None) -> CheckResult:
        """Run the registry's checks on a version, up to the first one that cannot run.

        Args:
            version: The version.
            known: What is known of its bytes, which is not judged again.
        """
        policy = known.model.policy if known else self._policies.policy(version.model_name)
        verdicts = [*known.lacking(version.version_id)] if known else []
        wanted = [
            (own_check, rule)
            for name, own_check in CHECKS.items()
            for rule in policy.check_rules(name)
            if known is None or known.shared(rule) is None
        ]
        try:
            for own_check, rule in wanted:
                verdicts.append(own_check.verdict(self._evidence, version, rule))
        except (InvalidPolicyError, MissingDependencyError) as error:
            return CheckResult(verdicts, error)
        return CheckResult(verdicts, None)

    def _record_verdicts(
        self, reference: str, verdicts: Sequence[Verdict], actor: Actor | None
    ) -> tuple[RecordedVerdict, ...]:
        """Record the verdicts of one run, all of them or none."""
        if not verdicts:
            return ()
        by = self._context.principal(actor)

        def write(transaction: Transaction, version: ModelVersion) -> tuple[RecordedVerdict, ...]:
            for verdict in verdicts:
                _require_bytes_of(version, verdict)
            transition = StageTransition(
                transaction, version.model_name, by, run_id=verdicts[0].run_id
            )
            return transition.record_verdicts(version.version_id, verdicts)

        return self._stage_requests.with_requests(Permission.JUDGE, reference, write)

    def renew_verdicts(self, name: str) -> tuple[RecordedVerdict, ...]:
        """Run the checks of waiting versions again whose verdict is void, expired or missing.

        A verdict is missing if the policy is newer than the version and requires a check, or other
        settings of a check, that has not run on it. The newest versions come first, a few at each
        call. This runs only the registry's own checks; others wait for their run.

        Raises:
            MissingDependencyError: A library that a check needs is not installed; the other checks
                have run.
        """
        wanted = self._context.database.read(
            lambda transaction: promotion_queue.checks_to_renew(transaction, name)
        )
        renewable = [(version, check) for version, check in wanted if check.name in CHECKS]
        renewable = renewable[:_RENEWED_AT_ONCE]
        renewed: list[RecordedVerdict] = []
        missing: MissingDependencyError | None = None
        for version, check in renewable:
            try:
                renewed.append(self.run_check(f"{name}/{version}", check.name, rule=check))
            except MissingDependencyError as error:
                missing = error
        if missing is not None:
            raise missing
        return tuple(renewed)

    def _report(self, version: ModelVersion, verdicts: Sequence[RecordedVerdict]) -> None:
        trainings = self._versions.trainings(version.reference, limit=1)
        origin = trainings[0].origin if trainings else TrainingOrigin()
        severity = shown_severity(self._policies.policy(version.model_name), verdicts[0])
        report(version, origin, verdicts, severity, self._context.settings)


def _require_bytes_of(version: ModelVersion, verdict: Verdict) -> None:
    if verdict.digest != sealed_digest(version):
        raise InvalidMetadataError(
            f"the verdict is about other bytes than {version.reference}",
            field="digest",
            value=verdict.digest,
            remedy=f"Judge {version.digest}",
        )


def _own_check(check: str) -> Check:
    if check not in CHECKS:
        raise InvalidMetadataError(
            "the registry has no such check",
            field="check",
            value=check,
            remedy=f"Choose one of {', '.join(CHECKS)}",
        )
    return CHECKS[check]
