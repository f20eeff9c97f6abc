"""A version on which somebody recorded any number of large verdicts."""

from pathlib import Path

from pedigree.lifecycle.gate_facts import StandingDecision
from pedigree.lifecycle.gate_inputs import facts_of_version, look_at_model
from pedigree.lifecycle.records import ApprovalRule, CheckRule, Verdict
from pedigree.registry import Registry
from tests.factories import register
from tests.lifecycle.deciding import ANN, BEN, candidate, policy_of, waits_for

COPIES = 500


def record_many(registry: Registry, reference: str) -> None:
    """Record a passed verdict of a required check, and many large ones."""
    digest = registry.get(reference).digest
    passed = Verdict(check="scan", passed=True, digest=digest, summary="clean", details={"p": "x"})
    registry.record_verdict(reference, passed)
    registry.record_verdict(reference, passed.model_copy(update={"settings": {"n": 0}}))
    copied = (
        "INSERT INTO pedigree.verdict (model_id, version, check_name, passed, severity, digest,"
        " relative, summary, details, at, recorded_by, settings) SELECT model_id, version,"
        " CASE WHEN n % 2 = 0 THEN check_name ELSE 'a' || n END, false, severity, digest, relative,"
        " summary, jsonb_build_object('p', repeat('y', 1000)), at, recorded_by,"
        " jsonb_build_object('n', n) FROM pedigree.verdict,"
        f" generate_series(1, {COPIES}) AS n WHERE check_name = 'scan' AND settings IS NULL"
    )
    registry.database.transaction(lambda transaction: transaction.execute(copied))


def test_gates_read_only_the_verdicts_that_the_policy_requires(
    registry: Registry, tmp_path: Path
) -> None:
    registry.set_policy("churn", policy_of(checks=[CheckRule(name="scan")]))
    reference = candidate(registry, tmp_path)
    assert waits_for(registry, reference) == ("check scan, which has not run",)
    record_many(registry, reference)
    assert waits_for(registry, reference) == ()
    facts = registry.database.read(
        lambda transaction: facts_of_version(transaction, look_at_model(transaction, "churn"), 1)
    )
    found = {each.check: each.details for each in facts.verdicts}
    assert (len(facts.verdicts), found) == (2, {"metadata_complete": {}, "scan": {}})


def test_gates_read_only_the_decisions_that_may_count_and_no_comment(
    registry: Registry, tmp_path: Path
) -> None:
    registry.set_policy("churn", policy_of(approvals=ApprovalRule(needed=2)))
    reference = candidate(registry, tmp_path)
    for _ in range(3):
        registry.approve(reference, "production", comment="x" * 10_000, actor=ANN)
    registry.reject(reference, "production", comment="y" * 10_000, actor=BEN)
    assert "rejected" in " ".join(waits_for(registry, reference))
    for actor in (ANN, ANN, BEN, ANN):
        registry.approve(reference, "production", comment="z" * 10_000, actor=actor)
    assert waits_for(registry, reference) == ()
    facts = registry.database.read(
        lambda transaction: facts_of_version(transaction, look_at_model(transaction, "churn"), 1)
    )
    shown = registry.context.names.shown
    counted = [(shown(each.decided_by), each.approved) for each in facts.decisions]
    assert counted == [(BEN.name, False), (BEN.name, True), (ANN.name, True)]
    every = registry.decisions(reference)
    assert len(every) == 8
    assert facts.evidence_at is not None
    assert facts.evidence_at >= every[-1].at
    assert "comment" not in StandingDecision._fields


def test_a_card_shows_the_checks_of_the_registry_and_the_number_of_further_verdicts(
    registry: Registry, tmp_path: Path
) -> None:
    reference = register(registry, tmp_path)
    registry.run_check(reference, "artifact_intact")
    record_many(registry, reference)
    text = registry.card(reference).markdown
    assert "artifact" in text[text.index("### Checks") :]
    every = len(registry.verdicts(reference))
    assert every > COPIES
    assert f"{every - 200} further verdicts are not shown." in text


def test_the_pages_of_verdicts_are_the_list(registry: Registry, tmp_path: Path) -> None:
    reference = register(registry, tmp_path)
    record_many(registry, reference)
    whole = registry.verdicts(reference)
    found, after = list[object](), None
    while page := registry.verdicts(reference, limit=100, after=after):
        found += page
        after = page[-1].verdict_id
    assert tuple(found) == whole
