"""The policy a model has unless it is given its own."""

from typing import Any

from pydantic import ValidationError

from pedigree.errors import InvalidPolicyError
from pedigree.lifecycle.records import (
    ARCHIVED,
    CANDIDATE,
    NO_STAGE,
    CheckRule,
    MetricRule,
    Policy,
    StageRule,
)

METADATA_COMPLETE = "metadata_complete"
SIGNATURE_COMPATIBLE = "signature_compatible"
ARTIFACT_INTACT = "artifact_intact"
NO_REGRESSION = "no_regression"


def default_policy(champion_metric: MetricRule | None = None) -> Policy:
    """Return the default graph, ``none → candidate → staging → production → archived``.

    A version becomes a candidate by passing its checks; the sensor takes it on from there. An
    archived version comes back by a person's promotion or by a rollback only.

    Args:
        champion_metric: With it, a version must also not be worse than the champion.
    """
    names = [METADATA_COMPLETE, SIGNATURE_COMPATIBLE, ARTIFACT_INTACT]
    if champion_metric:
        names.append(NO_REGRESSION)
    checks = tuple(CheckRule(name=name) for name in names)
    return Policy(
        champion_metric=champion_metric,
        stages=(
            StageRule(name=CANDIDATE, after=(NO_STAGE,), checks=checks),
            StageRule(name="staging", after=(CANDIDATE, ARCHIVED), checks=checks, automatic=True),
            StageRule(
                name="production",
                after=("staging", ARCHIVED),
                exclusive=True,
                checks=checks,
                automatic=True,
            ),
            StageRule(name=ARCHIVED, after=(NO_STAGE, CANDIDATE, "staging", "production")),
        ),
    )


def read_policy(stored: dict[str, Any] | None) -> Policy:
    """Build the policy of a model's row; the default one where it has none of its own.

    Raises:
        InvalidPolicyError: What is stored is not a policy.
    """
    if stored is None:
        return default_policy()
    try:
        return Policy.model_validate(stored)
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidPolicyError(
            first["msg"],
            field="policy." + ".".join(map(str, first["loc"])),
            value=first["input"],
            remedy="Declare each stage once, and only declared stages in `after`",
        ) from error
