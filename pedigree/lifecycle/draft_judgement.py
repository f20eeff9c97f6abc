"""Judge a new version before it has a number: its bytes are immutable, and a verdict is about them.

So the verdicts, and the stage that the version enters by them, are written with the version. The
database writes them only if the policy and the champion are still those of the look.
"""

from collections.abc import Mapping
from types import MappingProxyType

from pedigree.audit.records import Actor
from pedigree.catalog.creation import DraftJudgement
from pedigree.catalog.creation_look import Look
from pedigree.catalog.records import ModelVersion
from pedigree.lifecycle.checks import CHECKS
from pedigree.lifecycle.checks.base import Evidence
from pedigree.lifecycle.gate_facts import ModelFacts, UnattributedRun, VersionFacts
from pedigree.lifecycle.gates import explain_gates
from pedigree.lifecycle.pointer_names import HeldNames
from pedigree.lifecycle.policy import (
    ARTIFACT_INTACT,
    METADATA_COMPLETE,
    NO_REGRESSION,
    SIGNATURE_COMPATIBLE,
)
from pedigree.lifecycle.records import (
    CANDIDATE,
    CHAMPION_STAGE,
    Policy,
    RecordedVerdict,
    StageRule,
    Verdict,
)
from pedigree.lifecycle.requester import SENSOR
from pedigree.lifecycle.shared_verdicts import JudgedBytes

# The checks that need nothing of a version but its record, its bytes and the champion.
_OF_DRAFTS = frozenset({METADATA_COMPLETE, SIGNATURE_COMPATIBLE, NO_REGRESSION, ARTIFACT_INTACT})
# A new version cannot be overtaken, and no check has run on it.
_NOTHING_HELD = HeldNames(stages=MappingProxyType({}), aliases=())
_NO_RUNS: Mapping[str, UnattributedRun] = MappingProxyType({})


def can_judge(look: Look, policy: Policy) -> bool:
    """Return whether a new version of a model can be judged before it has a number.

    Not if a stage requires another check than those of drafts, if the version would take a stage
    from another one, or if an alias has the name of the stage that it would enter.
    """
    rule = policy.rule(CANDIDATE)
    return (
        all(check.name in _OF_DRAFTS for check in policy.checks)
        and (rule is None or not rule.exclusive)
        and (look.champion is None or look.champion.version is not None)
        and not look.model.is_aliased
    )


def judge_draft(
    evidence: Evidence,
    draft: ModelVersion,
    look: Look,
    policy: Policy,
    *,
    known: JudgedBytes | None,
    actor: Actor,
) -> DraftJudgement:
    """Run the registry's checks on a draft, and evaluate the gates of its first stage.

    Args:
        evidence: What the checks read.
        draft: The version, without a final number.
        look: What the database knew before.
        policy: The model's policy.
        known: What is known of the bytes of another version, which is not judged again.
        actor: Who registers it.

    Raises:
        InvalidPolicyError: A check does not accept the policy's settings.
    """
    asked = {check.name for check in policy.checks}
    verdicts = [
        (known.shared(rule) if known else None) or check.verdict(evidence, draft, rule)
        for name, check in CHECKS.items()
        if name in asked
        for rule in policy.check_rules(name)
    ]
    recorded = [_recorded(each, look, actor) for each in verdicts]
    rule = policy.rule(CANDIDATE)
    facts = VersionFacts(draft, recorded, decisions=(), left=frozenset())
    enters = bool(verdicts) and rule is not None and _passes(look, policy, rule, facts)
    return DraftJudgement(
        verdicts=[verdict.model_dump(mode="json") for verdict in verdicts],
        policy_revision=look.model.policy_revision,
        champion_stage=CHAMPION_STAGE,
        champion=look.champion.state if look.champion else None,
        stage=rule.name if rule is not None and enters else None,
    )


def _passes(look: Look, policy: Policy, rule: StageRule, facts: VersionFacts) -> bool:
    model = ModelFacts(
        model_id=look.model.model_id,
        name=facts.version.model_name,
        generation=look.model.generation,
        policy=policy,
        policy_revision=look.model.policy_revision,
        at=look.at,
        champion=look.champion.version if look.champion else None,
        held=_NOTHING_HELD,
        unattributed=_NO_RUNS,
    )
    return explain_gates(model, facts, rule, SENSOR).passed


def _recorded(verdict: Verdict, look: Look, actor: Actor) -> RecordedVerdict:
    # Its fields are valid, for the verdict is.
    return RecordedVerdict.model_construct(
        **verdict.__dict__, verdict_id=0, at=look.at, recorded_by=actor.name
    )
