"""Errors that refuse a move of a model's pointers for any requester."""

from pedigree.catalog.store import LockedModel
from pedigree.errors import (
    GateNotPassedError,
    GenerationConflictError,
    TransitionNotAllowedError,
)
from pedigree.lifecycle.decision_records import Explanation
from pedigree.lifecycle.records import Policy


def expect_generation(model: LockedModel, generation: int | None) -> None:
    """Refuse if a model's pointers or policy changed since a generation.

    Raises:
        GenerationConflictError: They changed.
    """
    if generation is not None and generation != model.generation:
        raise GenerationConflictError(
            f"the model's stages, aliases or policy moved in the meantime, to {model.generation}",
            field="expected_generation",
            value=generation,
            remedy="Read the model again, and repeat the request if it is still right",
        )


def expect_way(explanation: Explanation, policy: Policy, stage: str) -> None:
    """Refuse a stage without a transition from the version's present stage.

    Raises:
        TransitionNotAllowedError: There is no such transition.
    """
    for gate in explanation.gates:
        if gate.name == "transition" and not gate.passed:
            raise TransitionNotAllowedError(
                gate.reason,
                field="stage",
                value=explanation.stage,
                remedy=next_step(policy, stage),
            )


def next_step(policy: Policy, stage: str) -> str:
    """Return a sentence about the stages that a version may enter from a stage."""
    ways = [rule.name for rule in policy.stages if stage in rule.after]
    return f"From {stage} a version goes to {' or '.join(ways) or 'no other stage'}"


def unknown_stage(policy: Policy, stage: str) -> TransitionNotAllowedError:
    """Return the error for a stage that a policy does not declare."""
    return TransitionNotAllowedError(
        "the model's policy has no such stage",
        field="stage",
        value=stage,
        remedy=f"Choose one of {', '.join(rule.name for rule in policy.stages)}",
    )


def expect_passed(explanation: Explanation, policy: Policy, present: str) -> None:
    """Refuse a version that has no transition into a stage, or that a gate keeps out of it.

    Raises:
        TransitionNotAllowedError: As :func:`expect_way`.
        GateNotPassedError: A gate is not passed.
    """
    expect_way(explanation, policy, present)
    if not explanation.passed:
        reference, stage = explanation.reference, explanation.stage
        raise GateNotPassedError(
            f"{reference} waits for: {GateNotPassedError.listed(explanation.waits_for)}",
            waits_for=explanation.waits_for,
            field="stage",
            value=stage,
            remedy=f"`pedigree explain {reference} --to {stage}` shows every gate",
        )
