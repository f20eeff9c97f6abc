"""Gates: what a policy asks of a version that would enter a stage, and how it stands."""

from collections.abc import Iterable
from datetime import datetime

from pedigree.lifecycle.records import CheckRule, Gate, RecordedVerdict, Severity, StageRule
from pedigree.lifecycle.store import (
    STAGE,
    VersionState,
    holder,
    latest_verdicts,
    left_stage,
)
from pedigree.postgres.transaction import Transaction

CHAMPION_STAGE = "production"


def evaluate_gates(
    transaction: Transaction,
    model_id: int,
    version: VersionState,
    rule: StageRule,
    *,
    at: datetime,
    automatic: bool,
) -> tuple[Gate, ...]:
    """Evaluate every gate of a stage for a version.

    Args:
        transaction: A transaction, under the model's lock where the answer will be acted upon.
        model_id: The model.
        version: The version that would enter.
        rule: The stage's rule.
        at: The moment, by the database's clock.
        automatic: No person asks, so a version that left the stage stays out: otherwise the sensor
            would undo every rollback.
    """
    verdicts = latest_verdicts(transaction, model_id, version.version)
    champion = holder(transaction, model_id, STAGE, CHAMPION_STAGE)
    champion_digest = champion.digest if champion else None
    gates = [
        _transition(version, rule),
        _not_quarantined(version),
        _not_rejected(version),
        *(
            _check(check, version, verdict_by(check, verdicts), champion_digest, at)
            for check in rule.checks
        ),
    ]
    if automatic:
        left = left_stage(transaction, model_id, version.version, rule.name)
        gates.append(_first_time(rule, left))
    return tuple(gates)


def _transition(version: VersionState, rule: StageRule) -> Gate:
    allowed = ", ".join(rule.after)
    return Gate(
        name="transition",
        passed=version.stage in rule.after,
        reason=f"{rule.name} is entered from {allowed}; the version is in {version.stage}",
    )


def _not_quarantined(version: VersionState) -> Gate:
    reason = version.quarantine_reason
    return Gate(
        name="not_quarantined",
        passed=reason is None,
        reason=f"release from quarantine: {reason}" if reason else "not in quarantine",
    )


def _not_rejected(version: VersionState) -> Gate:
    rejected = version.approval_status == "rejected"
    return Gate(
        name="not_rejected",
        passed=not rejected,
        reason="a new approval; it was rejected" if rejected else "not rejected",
    )


def _first_time(rule: StageRule, left: bool) -> Gate:
    reason = f"a person; it left {rule.name} before" if left else f"never left {rule.name}"
    return Gate(name="first_time", passed=not left, reason=reason)


def _check(
    check: CheckRule,
    version: VersionState,
    verdict: RecordedVerdict | None,
    champion: str | None,
    at: datetime,
) -> Gate:
    missing = _missing(check, version, verdict, champion, at)
    if missing is None:
        return Gate(name=check.name, passed=True, reason=verdict.summary if verdict else "")
    waits = f"check {check.name}{missing}"
    return Gate(name=check.name, passed=check.severity is Severity.WARN, reason=waits)


def _missing(
    check: CheckRule,
    version: VersionState,
    verdict: RecordedVerdict | None,
    champion: str | None,
    at: datetime,
) -> str | None:
    """Return what a check's verdict lacks to let the version pass; None where it is a pass."""
    if verdict is None:
        by = ", which has not run by the settings of this stage"
        return by if check.settings else ", which has not run"
    if verdict.digest != version.digest:
        return ", which looked at other bytes"
    if is_void(verdict, champion):
        return " anew, the champion it compared with has changed"
    if check.max_age is not None and at - verdict.at > check.max_age:
        return f" anew, its verdict is older than {check.max_age}"
    if not verdict.passed and verdict.severity is not Severity.WARN:
        return f", which failed: {verdict.summary}"
    return None


def verdict_by(check: CheckRule, verdicts: Iterable[RecordedVerdict]) -> RecordedVerdict | None:
    """Return the newest verdict that went by a rule's settings.

    One that knows no settings counts for any: it is of a check that is not the registry's own.
    """
    found = [
        verdict
        for verdict in verdicts
        if verdict.check == check.name and verdict.settings in (None, check.settings)
    ]
    return max(found, key=lambda verdict: verdict.at, default=None)


def is_void(verdict: RecordedVerdict, champion: str | None) -> bool:
    """Say whether a relative verdict compared with another version than today's champion."""
    return verdict.relative and verdict.baseline_digest != champion
