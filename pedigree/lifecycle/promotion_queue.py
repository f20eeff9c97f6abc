"""Evaluate what versions wait for, and which promotions are due."""

import json
from collections.abc import Iterator
from datetime import datetime

from pedigree.catalog import lookups
from pedigree.catalog.names import found_in
from pedigree.lifecycle.decision_records import CandidateEvaluation, DuePromotion, Explanation
from pedigree.lifecycle.gate_facts import ModelFacts, VersionFacts
from pedigree.lifecycle.gate_inputs import (
    facts_of_version,
    facts_of_versions,
    look_at_model,
    model_state,
)
from pedigree.lifecycle.gates import (
    ATTEMPTS,
    explain_gates,
    is_aged,
    is_void,
    verdict_by,
)
from pedigree.lifecycle.pending_promotions import write_candidacies
from pedigree.lifecycle.pointer_names import held_names
from pedigree.lifecycle.records import (
    ARCHIVED,
    CANDIDATE,
    NO_STAGE,
    CheckRule,
    Policy,
    RecordedVerdict,
    StageRule,
)
from pedigree.lifecycle.requester import SENSOR, Requester
from pedigree.lifecycle.stage_requests import (
    open_requests,
    open_requests_question,
    request_input,
    requester,
)
from pedigree.lifecycle.standing import people_now
from pedigree.lifecycle.store import SQL
from pedigree.lifecycle.transition_errors import unknown_stage
from pedigree.postgres.transaction import Row, Transaction


def explain(
    transaction: Transaction, name: str, version: int, stage: str, asker: Requester
) -> Explanation:
    """Evaluate every gate of a stage for a version.

    Raises:
        NotFoundError: There is no such model or version.
        TransitionNotAllowedError: The policy has no such stage.
    """
    model = look_at_model(transaction, name)
    rule = model.policy.rule(stage)
    if rule is None:
        raise unknown_stage(model.policy, stage)
    facts = facts_of_version(transaction, model, version)
    found = explain_gates(model, facts, rule, asker)
    requests = open_requests(transaction, model.model_id, version)
    asked = tuple(each for each in requests if each.stage == rule.name)
    given_up = facts.given_up(model, rule.name)
    return found.model_copy(update={"requests": asked, "given_up": given_up})


def evaluate_candidates(transaction: Transaction, name: str) -> CandidateEvaluation:
    """Evaluate the versions that wait for an automatic stage, and store what they wait for.

    Of many candidates, the newest that passes is due, and never one that is older than the holder
    of the stage or of a later one: a backfill of a thousand versions causes one promotion, not a
    thousand. Stages are evaluated from the last to the first, so a version that can be promoted is
    not overtaken.

    Raises:
        ModelNotFoundError: No living model has the name.
    """
    model = look_at_model(transaction, name)
    due: DuePromotion | None = None
    waiting, held_up = [], set[str]()
    for rule, facts in waiting_versions(transaction, model):
        explanation = explain_gates(model, facts, rule, SENSOR)
        waiting.append(explanation)
        if due is None and explanation.passed and rule.name not in held_up:
            due = _promotion(model, facts, rule)
        if explanation.lacks_only(ATTEMPTS):
            held_up.add(rule.name)  # an older version does not replace one that failed
    ended = write_candidacies(transaction, model, waiting)
    return CandidateEvaluation(due=due, waiting=tuple(waiting), ended=ended)


def _promotion(model: ModelFacts, facts: VersionFacts, rule: StageRule) -> DuePromotion:
    return DuePromotion(
        model_name=model.name,
        version_id=facts.version.version_id,
        stage=rule.name,
        digest=facts.version.digest,
        generation=model.generation,
        policy_revision=model.policy_revision,
        evidence_at=facts.evidence_at,
        retries=facts.retries(rule.name),
    )


def waiting_versions(
    transaction: Transaction, model: ModelFacts
) -> Iterator[tuple[StageRule, VersionFacts]]:
    """Yield the versions that wait for an automatic stage: last stage first, then newest first."""
    rules = [rule for rule in reversed(model.policy.stages) if rule.automatic]
    # Only a person restores archived versions, and these may be most of the model.
    before = {stage for rule in rules for stage in rule.after} - {ARCHIVED}
    rows = transaction.execute(
        SQL["waiting_versions"], {"model_id": model.model_id, "stages": sorted(before)}
    ).fetchall()
    versions = list(facts_of_versions(transaction, model, [row["version"] for row in rows]))
    for rule in rules:
        ahead = model.ahead(rule)
        for facts in versions:
            version = facts.version
            if version.stage not in rule.after or version.stage == ARCHIVED:
                continue
            overtaken = ahead is not None and ahead[0] > version.version_id
            if not overtaken and rule.name not in facts.left:
                yield rule, facts


def requested_versions(
    transaction: Transaction, model: ModelFacts
) -> Iterator[tuple[StageRule, VersionFacts, Requester]]:
    """Yield the versions with an open stage request, each with its requester."""
    asked = open_requests_question(model.model_id)
    rows = transaction.execute(asked.query, asked.params).fetchall()
    people = people_now(transaction, map(requester, rows))
    for facts in facts_of_versions(transaction, model, {row["version_id"] for row in rows}):
        for row in rows:
            rule = model.policy.rule(row["stage"])
            if rule is not None and row["version_id"] == facts.version.version_id:
                yield rule, facts, request_input(row, people).asker


def checks_to_renew(transaction: Transaction, name: str) -> tuple[tuple[int, CheckRule], ...]:
    """Return the checks to run again on versions that wait or have a request, newest first.

    Either their verdict compared with a previous champion or is older than the policy allows, and a
    stage still requires it; or the version is older than the policy, which requires a new check.
    """
    model = look_at_model(transaction, name)
    (row,) = transaction.execute(SQL["policy_since"], {"model_id": model.model_id}).fetchall()
    found: dict[tuple[int, str, str], tuple[int, CheckRule]] = {}
    requested = ((rule, facts) for rule, facts, _ in requested_versions(transaction, model))
    for rule, facts in (*waiting_versions(transaction, model), *requested):
        asked = [*_spent(model, rule, facts), *_not_judged(rule, facts, row["policy_since"])]
        for check in asked:
            number = facts.version.version_id
            found[number, check.name, json.dumps(check.settings, sort_keys=True)] = (number, check)
    return tuple(sorted(found.values(), key=lambda pair: (-pair[0], pair[1].name)))


def _spent(model: ModelFacts, rule: StageRule, facts: VersionFacts) -> Iterator[CheckRule]:
    for verdict in facts.verdicts:
        if any(_is_spent(verdict, check, model) for check in _asking(model, rule, verdict)):
            yield CheckRule(name=verdict.check, settings=verdict.settings or {})


def _not_judged(
    rule: StageRule, facts: VersionFacts, policy_since: datetime | None
) -> Iterator[CheckRule]:
    """Yield the checks of a policy that is newer than the version; otherwise its run has them."""
    if policy_since is not None and facts.version.created_at < policy_since:
        for check in rule.checks:
            if verdict_by(check, facts.verdicts) is None:
                yield check


def _asking(model: ModelFacts, rule: StageRule, verdict: RecordedVerdict) -> list[CheckRule]:
    """Return the rules of a stage that accept a verdict, or of another stage if it has none."""
    rules = [check for check in rule.checks if check.name == verdict.check]
    return [
        check
        for check in rules or model.policy.check_rules(verdict.check)
        if verdict.settings in (None, check.settings)
    ]


def _is_spent(verdict: RecordedVerdict, check: CheckRule, model: ModelFacts) -> bool:
    return is_void(verdict, model.champion) or is_aged(verdict, check, model.at)


def registration_rule(policy: Policy) -> StageRule | None:
    """Return the rule of the stage that a new version enters first."""
    return policy.rule(CANDIDATE) or next(
        (rule for rule in policy.stages if NO_STAGE in rule.after), None
    )


def registration_checks(policy: Policy) -> tuple[str, ...]:
    """Return the checks that a new version must pass to become a candidate."""
    rule = registration_rule(policy)
    return rule.check_names if rule else ()


def stage_holder(transaction: Transaction, name: str, stage: str) -> Row | None:
    """Return the version that entered a stage last and still holds it; case-insensitive name.

    It is a row, as in :func:`~pedigree.catalog.lookups.find_version_row`.

    Raises:
        ModelNotFoundError: No living model has the name.
    """
    found = lookups.find_holder_row(transaction, name, stage)
    if found is None:
        model = model_state(transaction, name)
        held = found_in(stage, held_names(transaction, model["model_id"]).stages)
        return lookups.find_holder_row(transaction, model["name"], held) if held else None
    return found
