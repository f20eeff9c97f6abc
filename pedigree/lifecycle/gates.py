"""Gates: a policy's requirements for a stage, evaluated for a version."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from pedigree.catalog.metadata_fields import ApprovalStatus
from pedigree.catalog.records import ModelVersion
from pedigree.flavors.records import VerificationStatus
from pedigree.lifecycle.approval_gates import approvals_gate, promoter_gate
from pedigree.lifecycle.decision_records import Explanation, Gate, GivenUp
from pedigree.lifecycle.gate_facts import ModelFacts, VersionFacts
from pedigree.lifecycle.gate_labels import labeled_gates, metric_gate
from pedigree.lifecycle.policy import ALWAYS_THERE
from pedigree.lifecycle.records import (
    ARCHIVED,
    CheckRule,
    RecordedVerdict,
    Severity,
    StageRule,
)
from pedigree.lifecycle.requester import Requester
from pedigree.lifecycle.stage_names import stage_problem

ATTEMPTS = "attempts"
NOT_QUARANTINED = "not_quarantined"


def explain_gates(
    model: ModelFacts, facts: VersionFacts, rule: StageRule, asker: Requester
) -> Explanation:
    """Evaluate every gate of a stage for a version."""
    return Explanation(
        reference=facts.version.reference,
        stage=rule.name,
        generation=model.generation,
        run_id=facts.version.run_id,
        gates=tuple(_gates(model, facts, rule, asker)),
    )


def _gates(
    model: ModelFacts, facts: VersionFacts, rule: StageRule, asker: Requester
) -> Iterator[Gate]:
    version = facts.version
    yield _transition(version, rule)
    yield _not_quarantined(version)
    yield _not_rejected(version, rule)
    if rule.approvals is not None and rule.approvals.count(version.risk_class):
        yield approvals_gate(model, facts, rule)
    yield from check_gates(rule.checks, model, facts)
    if rule.metadata:
        yield _metadata(version, rule)
    if rule.verified:
        yield _verified(version)
    for name, metric in labeled_gates((f"metric {each.metric}", each) for each in rule.metrics):
        yield metric_gate(name, metric, version, model.champion)
    if rule.soak is not None:
        yield _soak(version, rule.soak, model.at)
    needs_approver = asker.requests and not asker.may_move(version, rule)
    if (rule.promoters or needs_approver) and asker.principal and not asker.automatic:
        yield promoter_gate(model, facts, rule, asker, asker.principal.name)
    if asker.automatic:
        yield _first_time(rule, rule.name in facts.left)
        if rule.automatic:
            yield _not_overtaken(model, version, rule)
        if given_up := facts.given_up(model, rule.name):
            yield _attempts(version, given_up)


def check_gates(
    rules: Iterable[CheckRule], model: ModelFacts, facts: VersionFacts
) -> Iterator[Gate]:
    """Evaluate for a version the gates of some checks."""
    for name, check in labeled_gates((each.name, each) for each in rules):
        yield _check(name, check, model, facts)


def _transition(version: ModelVersion, rule: StageRule) -> Gate:
    allowed = ", ".join(rule.after)
    if problem := stage_problem(rule.name):  # in a policy from before the naming rule
        reason = f"another name for the stage {rule.name!r} in the policy: this one {problem}"
        return Gate(name="transition", passed=False, reason=reason)
    return Gate(
        name="transition",
        passed=version.stage in rule.after,
        reason=f"{rule.name} is entered from {allowed}; the version is in {version.stage}",
    )


def _not_quarantined(version: ModelVersion) -> Gate:
    reason = version.quarantine_reason
    return Gate(
        name=NOT_QUARANTINED,
        passed=reason is None,
        reason=f"release from quarantine: {reason}" if reason else "not in quarantine",
    )


def _not_rejected(version: ModelVersion, rule: StageRule) -> Gate:
    # A rejected version may still be archived.
    rejected = version.approval_status is ApprovalStatus.REJECTED and rule.name != ARCHIVED
    return Gate(
        name="not_rejected",
        passed=not rejected,
        reason="a new approval; it was rejected" if rejected else "not rejected",
    )


def _check(name: str, check: CheckRule, model: ModelFacts, facts: VersionFacts) -> Gate:
    verdict = verdict_by(check, facts.verdicts)
    missing = _missing(check, model, facts.version, verdict)
    if missing is None and verdict is not None:
        ages = verdict.looked_at + check.max_age if check.max_age is not None else None
        return Gate(name=name, passed=True, reason=verdict.summary, changes_at=ages)
    return Gate(
        name=name,
        passed=check.severity is Severity.WARN,
        reason=f"check {check.name}{missing}",
    )


def passed_verdict(
    check: CheckRule, model: ModelFacts, facts: VersionFacts
) -> RecordedVerdict | None:
    """Return the valid verdict by which a check passed; None if it failed, or is not valid."""
    verdict = verdict_by(check, facts.verdicts)
    is_valid = _missing(check, model, facts.version, verdict) is None
    return verdict if is_valid and verdict is not None and verdict.passed else None


def _missing(
    check: CheckRule, model: ModelFacts, version: ModelVersion, verdict: RecordedVerdict | None
) -> str | None:
    """Return why a check's verdict does not pass the gate; None if it does."""
    if verdict is None:
        return _not_run(check, model, version)
    if verdict.digest != version.digest:
        return ", which checked other bytes"
    if is_void(verdict, model.champion):
        return " again: the champion that it compared with has changed"
    if is_aged(verdict, check, model.at):
        return f" again: its verdict is older than {span(check.max_age or timedelta())}"
    if not verdict.passed and verdict.severity is not Severity.WARN:
        return f", which failed: {verdict.summary}"
    return None


def _not_run(check: CheckRule, model: ModelFacts, version: ModelVersion) -> str:
    run = model.unattributed.get(check.name)
    # Two clocks: the version's own run is never older than the version, despite clock skew.
    if run is not None and (
        (run.run_id is not None and run.run_id == version.run_id)
        or run.looked_at >= version.created_at
    ):
        where = f" in run {run.run_id}" if run.run_id else ""
        return f", which ran{where}, but on which version is not known: {run.problem}"
    by = ", which has not run with the settings of this stage"
    return by if check.settings else ", which has not run"


def verdict_by(check: CheckRule, verdicts: Iterable[RecordedVerdict]) -> RecordedVerdict | None:
    """Return the newest verdict with a rule's settings, or without any, as of a custom check."""
    found = [
        verdict
        for verdict in verdicts
        if verdict.check == check.name and verdict.settings in (None, check.settings)
    ]
    return max(found, key=lambda verdict: verdict.at, default=None)


def is_void(verdict: RecordedVerdict, champion: ModelVersion | None) -> bool:
    """Return whether a relative verdict compared with another version than the present champion."""
    if not verdict.relative:
        return False
    if champion is not None and champion.digest is None:
        # It has no digest to compare: only a verdict of before it was champion is void.
        return champion.stage_since is None or verdict.looked_at < champion.stage_since
    return verdict.baseline_digest != (champion.digest if champion else None)


def is_aged(verdict: RecordedVerdict, check: CheckRule, at: datetime) -> bool:
    """Return whether a verdict is older than its rule allows."""
    return check.max_age is not None and verdict.looked_at + check.max_age <= at


def _metadata(version: ModelVersion, rule: StageRule) -> Gate:
    missing = [name for name in rule.metadata if not _has(version, name)]
    return Gate(
        name="metadata",
        passed=not missing,
        reason=f"metadata {', '.join(missing)}" if missing else "all required metadata is provided",
    )


def _has(version: ModelVersion, name: str) -> bool:
    field, _, key = name.partition(".")
    value = getattr(version, field)
    return name in ALWAYS_THERE or (value.get(key) if key else value) not in (None, "", (), {})


def _verified(version: ModelVersion) -> Gate:
    found = version.verification
    passed = found.status is VerificationStatus.VERIFIED
    missing = f"a training that verifies it; its verification is {found.sentence}"
    seen = "loaded in a new process, it predicts as trained"
    return Gate(name="verified", passed=passed, reason=seen if passed else missing)


def _soak(version: ModelVersion, soak: timedelta, at: datetime) -> Gate:
    ends = (version.stage_since or version.created_at) + soak
    if at >= ends:
        return Gate(name="soak", passed=True, reason=f"in {version.stage} for {span(soak)}")
    reason = f"the end of its {span(soak)} in {version.stage}, {ends:%Y-%m-%d %H:%M:%S%z}"
    return Gate(name="soak", passed=False, reason=reason, changes_at=ends)


def _first_time(rule: StageRule, left: bool) -> Gate:
    reason = f"a person; it left {rule.name} before" if left else f"never left {rule.name}"
    return Gate(name="first_time", passed=not left, reason=reason)


def _not_overtaken(model: ModelFacts, version: ModelVersion, rule: StageRule) -> Gate:
    ahead = model.ahead(rule)
    overtaken = ahead is not None and ahead[0] > version.version_id
    reason = f"a person; version {ahead[0]}, which is newer, holds {ahead[1]}" if ahead else ""
    return Gate(
        name="not_overtaken",
        passed=not overtaken,
        reason=reason if overtaken else "no newer version is ahead",
    )


def _attempts(version: ModelVersion, given_up: GivenUp) -> Gate:
    reference, stage = version.reference, given_up.stage
    return Gate(
        name=ATTEMPTS,
        passed=False,
        reason=f"`pedigree retry {reference} --to {stage}`; the sensor gave up after"
        f" {given_up.attempts} failed runs, the last one {given_up.run_id}: {given_up.problem}",
    )


def span(time: timedelta) -> str:
    """Return a duration in the notation of policies.

    >>> span(timedelta(days=2)), span(timedelta(hours=36))
    ('2d', '36h')
    """
    seconds = int(time.total_seconds())
    for unit, letter in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds and seconds % unit == 0:
            return f"{seconds // unit}{letter}"
    return f"{seconds}s"
