"""Checks and their verdicts on versions."""

from collections.abc import Sequence
from typing import NamedTuple

from pedigree.access.records import Permission
from pedigree.audit.records import Actor
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.references import parse_reference
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
from pedigree.lifecycle.records import CheckRule, RecordedVerdict, Verdict
from pedigree.lifecycle.stage_requests import perform_due
from pedigree.lifecycle.stage_transitions import StageTransition
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import Context
from pedigree.registry.stage_requests import StageRequestOperations

# A tick of the sensor has a minute for all models.
_RENEWED_AT_ONCE = 50


class CheckResult(NamedTuple):
    """What the checks of one run found, and why there are no more of them."""

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
        known, version = _known(check), self._judged(reference)
        if rule is None:
            rule = self._policies.check_rules(version.model_name, check)[0]
        verdict = known.verdict(self._evidence, version, rule)
        return self.record_verdict(
            version.reference, verdict.model_copy(update={"run_id": run_id}), actor=actor
        )

    def rerun_check(
        self, reference: str, check: str, *, actor: Actor | None = None
    ) -> tuple[RecordedVerdict, ...]:
        _known(check)
        version = self._judged(reference)
        verdicts = tuple(
            self.run_check(version.reference, check, rule=rule, actor=actor)
            for rule in self._policies.check_rules(version.model_name, check)
        )
        self._show(version, verdicts)
        return verdicts

    def run_checks(self, reference: str) -> tuple[RecordedVerdict, ...]:
        version = self._judged(reference)
        found = self._find(version)
        recorded = self._record_verdicts(version.reference, found.verdicts, None)
        if found.problem:
            raise found.problem
        return recorded

    def judge(self, reference: str) -> tuple[RecordedVerdict, ...]:
        verdicts = self.judge_version(self._judged(reference), is_noted=False)
        self._cards.card(reference)  # drawn now, for who looks at the store
        return verdicts

    def record_verdict(
        self, reference: str, verdict: Verdict, *, actor: Actor | None = None
    ) -> RecordedVerdict:
        (recorded,) = self._record_verdicts(reference, [verdict], actor)
        return recorded

    def verdicts(self, reference: str) -> tuple[RecordedVerdict, ...]:
        return self._context.read_version(reference, promotion_queue.verdicts)

    def judge_version(
        self, version: ModelVersion, *, is_noted: bool
    ) -> tuple[RecordedVerdict, ...]:
        """Judge a version; ``is_noted``: others do it where this process ends before."""
        found = self._find(version)

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
        """Write what the checks of one run found, and do what was asked for if that was missing."""
        if not verdicts:
            return ()
        mover = StageTransition(
            transaction, version.model_name, self._context.principal(), run_id=verdicts[0].run_id
        )
        recorded = mover.record_verdicts(version.version_id, verdicts)
        perform_due(transaction, version.model_name)
        return recorded

    def _judged(self, reference: str) -> ModelVersion:
        """Return the version that somebody wants to judge."""
        self._context.require(Permission.JUDGE, parse_reference(reference).name)
        return self._versions.get(reference)

    def _find(self, version: ModelVersion) -> CheckResult:
        """Run the registry's checks on a version, up to the first one that cannot be run."""
        policy, verdicts = self._policies.policy(version.model_name), list[Verdict]()
        try:
            for name, known in CHECKS.items():
                for rule in policy.check_rules(name):
                    verdicts.append(known.verdict(self._evidence, version, rule))
        except (InvalidPolicyError, MissingDependencyError) as error:
            return CheckResult(verdicts, error)
        return CheckResult(verdicts, None)

    def _record_verdicts(
        self, reference: str, verdicts: Sequence[Verdict], actor: Actor | None
    ) -> tuple[RecordedVerdict, ...]:
        """Record what the checks of one run found, all of it or nothing."""
        if not verdicts:
            return ()
        by = self._context.principal(actor)

        def write(transaction: Transaction, version: ModelVersion) -> tuple[RecordedVerdict, ...]:
            for verdict in verdicts:
                _require_bytes_of(version, verdict)
            mover = StageTransition(transaction, version.model_name, by, run_id=verdicts[0].run_id)
            return mover.record_verdicts(version.version_id, verdicts)

        return self._stage_requests.with_requests(Permission.JUDGE, reference, write)

    def renew_verdicts(self, name: str) -> tuple[RecordedVerdict, ...]:
        """Run anew the checks of waiting versions whose verdict is void, too old, or not there.

        Not there is the verdict of a version that is older than its model's policy, where this asks
        for a check, or for other settings of one, that nothing has looked at. The newest versions
        come first, a few at each call. Only the registry's own checks can be run from here; others
        wait for their run.

        Raises:
            MissingDependencyError: What one of them needs is not installed; the others have run.
        """
        wanted = self._context.database.read(
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
        origin = self._versions.trainings(version.reference, limit=1)[0].origin
        severity = shown_severity(self._policies.policy(version.model_name), verdicts[0])
        report(version, origin, verdicts, severity, self._context.settings)


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
