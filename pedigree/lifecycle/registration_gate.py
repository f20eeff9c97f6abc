"""The checks that bytes must pass before a version of MLflow's clients can be loaded."""

from collections.abc import Sequence
from typing import NamedTuple

from pedigree.audit.records import Actor
from pedigree.catalog.records import ModelVersion
from pedigree.lifecycle.checks import CHECKS
from pedigree.lifecycle.checks.base import Evidence
from pedigree.lifecycle.decision_records import Gate
from pedigree.lifecycle.gate_facts import ModelFacts, VersionFacts
from pedigree.lifecycle.gates import check_gates, is_aged, verdict_by
from pedigree.lifecycle.records import CheckRule, RecordedVerdict, Verdict
from pedigree.lifecycle.shared_verdicts import JudgedBytes


class RegistrationJudgement(NamedTuple):
    """What the checks of a policy's ``registration`` say about some bytes.

    Attributes:
        verdicts: The verdicts of this registration, to record with the version.
        gates: One gate for each check.
        awaited: The checks that somebody else must run, since no valid verdict on the bytes exists.
        is_refused: A check fails that nobody else runs.
    """

    verdicts: tuple[Verdict, ...]
    gates: tuple[Gate, ...]
    awaited: tuple[str, ...]
    is_refused: bool

    @property
    def passed(self) -> bool:
        """Every gate is passed."""
        return all(gate.passed for gate in self.gates)

    @property
    def waits_for(self) -> tuple[str, ...]:
        """What is missing, with the name of each check."""
        return tuple(gate.reason for gate in self.gates if not gate.passed)


def registration_gate(
    evidence: Evidence,
    version: ModelVersion,
    model: ModelFacts,
    *,
    known: Sequence[RecordedVerdict],
    bytes_known: JudgedBytes,
    answers: Sequence[Verdict],
    actor: Actor,
) -> RegistrationJudgement:
    """Judge the bytes of a version by its policy's registration checks.

    The registry's own checks run now, unless what they found on these bytes is known. Other checks
    pass by a verdict on the same digest, whichever version of the model it was recorded for;
    without one they are not passed.

    Args:
        evidence: What the checks read.
        version: The version with the digest of the bytes, also before it is sealed.
        model: Its model.
        known: The newest recorded verdicts on the digest.
        bytes_known: Those of them that versions with the same bytes share.
        answers: What runs of other checks found on the digest for this registration.
        actor: Who registers it.

    Raises:
        InvalidPolicyError: A check does not accept the policy's settings.
        MissingDependencyError: A library that a check needs is not installed.
    """
    rules = model.policy.registration
    own = [
        bytes_known.shared(rule) or CHECKS[rule.name].verdict(evidence, version, rule)
        for rule in rules
        if rule.name in CHECKS
    ]
    verdicts = (*own, *answers)
    # Its fields are valid, for the verdict is.
    new = [
        RecordedVerdict.model_construct(
            **verdict.__dict__, verdict_id=0, at=model.at, recorded_by=actor.name
        )
        for verdict in verdicts
    ]
    others = [each for each in known if each.check not in CHECKS]
    facts = VersionFacts(version, [*new, *others], decisions=(), left=frozenset())
    gates = tuple(check_gates(rules, model, facts))
    awaited = tuple(rule.name for rule in rules if _is_awaited(rule, model, facts))
    failed = [rule for rule, gate in zip(rules, gates, strict=True) if not gate.passed]
    is_refused = any(rule.name not in awaited for rule in failed)
    return RegistrationJudgement(verdicts, gates, awaited, is_refused)


def _is_awaited(rule: CheckRule, model: ModelFacts, facts: VersionFacts) -> bool:
    if rule.name in CHECKS:
        return False
    verdict = verdict_by(rule, facts.verdicts)
    return verdict is None or is_aged(verdict, rule, model.at)
