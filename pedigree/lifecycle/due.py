"""Say what a version waits for, and which promotions are due."""

from collections.abc import Iterator

from pedigree.catalog.names import name_key
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.store import model_not_found
from pedigree.lifecycle.gates import CHAMPION_STAGE, evaluate_gates, is_void
from pedigree.lifecycle.policy import read_policy
from pedigree.lifecycle.promotion import unknown_stage
from pedigree.lifecycle.records import (
    ARCHIVED,
    CANDIDATE,
    NO_STAGE,
    DuePromotion,
    Explanation,
    Policy,
    RecordedVerdict,
    StageRule,
)
from pedigree.lifecycle.store import (
    SQL,
    STAGE,
    holder,
    latest_verdicts,
    left_stage,
    version_state,
)
from pedigree.postgres.transaction import Row, Transaction


def model_state(transaction: Transaction, name: str) -> Row:
    """Read what the gates need of a model, without a lock.

    Raises:
        ModelNotFoundError: No living model has the name.
    """
    row = transaction.execute(SQL["model_state"], {"name_key": name_key(name)}).fetchone()
    if row is None or row["name"] != name:
        raise model_not_found(name)
    return row


def explain(
    transaction: Transaction, name: str, version: int, stage: str, *, automatic: bool
) -> Explanation:
    """Say how a version stands before every gate of a stage.

    Raises:
        NotFoundError: There is no such model or version.
        TransitionNotAllowedError: The policy has no such stage.
    """
    model = model_state(transaction, name)
    policy = read_policy(model["policy"])
    rule = policy.rule(stage)
    if rule is None:
        raise unknown_stage(policy, stage)
    state = version_state(transaction, model["model_id"], name, version)
    return Explanation(
        reference=f"{name}/{version}",
        stage=stage,
        generation=model["generation"],
        gates=evaluate_gates(
            transaction, model["model_id"], state, rule, at=model["at"], automatic=automatic
        ),
    )


def due_promotion(transaction: Transaction, name: str) -> DuePromotion | None:
    """Return the promotion that the sensor should request next for a model, if any is due.

    Of many candidates the newest that passes is the one, and never one older than the stage's
    present holder: a backfill of a thousand versions makes one promotion, not a thousand. Stages
    are looked at from the last to the first, so a version that can go on is not overtaken.
    """
    model = model_state(transaction, name)
    policy = read_policy(model["policy"])
    for rule in reversed(policy.stages):
        if not rule.automatic:
            continue
        for waiting in _waiting(transaction, model, rule):
            state = version_state(transaction, model["model_id"], name, waiting)
            gates = evaluate_gates(
                transaction, model["model_id"], state, rule, at=model["at"], automatic=True
            )
            if all(gate.passed for gate in gates):
                return DuePromotion(
                    model_name=name,
                    version_id=waiting,
                    stage=rule.name,
                    digest=state.digest,
                    generation=model["generation"],
                )
    return None


def waiting_versions(transaction: Transaction, name: str) -> tuple[tuple[int, str], ...]:
    """Return the versions that wait for an automatic stage, each with that stage."""
    model = model_state(transaction, name)
    policy = read_policy(model["policy"])
    return tuple(
        (version, rule.name)
        for rule in policy.stages
        if rule.automatic
        for version in _waiting(transaction, model, rule)
        if not left_stage(transaction, model["model_id"], version, rule.name)
    )


def void_verdicts(transaction: Transaction, name: str) -> tuple[tuple[int, RecordedVerdict], ...]:
    """Return the verdicts on waiting versions that compared with a former champion."""
    model = model_state(transaction, name)
    champion = holder(transaction, model["model_id"], STAGE, CHAMPION_STAGE)
    digest = champion.digest if champion else None
    policy = read_policy(model["policy"])
    return tuple(
        (version, verdict)
        for version in sorted({version for version, _ in waiting_versions(transaction, name)})
        for verdict in latest_verdicts(transaction, model["model_id"], version)
        if is_void(verdict, digest) and _asked(policy, verdict)
    )


def _asked(policy: Policy, verdict: RecordedVerdict) -> bool:
    """Say whether a stage still asks for a check by the settings that a verdict went by."""
    rules = policy.check_rules(verdict.check)
    return verdict.settings is None or any(rule.settings == verdict.settings for rule in rules)


def _waiting(transaction: Transaction, model: Row, rule: StageRule) -> Iterator[int]:
    present = holder(transaction, model["model_id"], STAGE, rule.name)
    # What was archived comes back by a person alone, and may be most of the model.
    stages = [stage for stage in rule.after if stage != ARCHIVED]
    rows = transaction.execute(
        SQL["waiting_versions"],
        {
            "model_id": model["model_id"],
            "stages": stages,
            "above": present.version if present else 0,
        },
    ).fetchall()
    for row in rows:
        yield row["version"]


def registration_checks(policy: Policy) -> tuple[str, ...]:
    """Return the checks by which a new version becomes a candidate."""
    rule = policy.rule(CANDIDATE) or next(
        (rule for rule in policy.stages if NO_STAGE in rule.after), None
    )
    return rule.check_names if rule else ()


def stage_holder(transaction: Transaction, name: str, stage: str) -> int | None:
    """Return the number of the version that took a stage last and holds it still.

    Raises:
        ModelNotFoundError: No living model has the name.
    """
    model = model_state(transaction, name)
    found = holder(transaction, model["model_id"], STAGE, stage)
    return found.version if found else None


def verdicts(transaction: Transaction, version: ModelVersion) -> tuple[RecordedVerdict, ...]:
    """Return the newest verdict of each check on a version, by the check's name.

    A check for which stages ask under several settings has one verdict for each of them.
    """
    model = model_state(transaction, version.model_name)
    return latest_verdicts(transaction, model["model_id"], version.version_id)
