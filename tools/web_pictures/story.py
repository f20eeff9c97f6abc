"""What people do after the demo, so that the pictures show a request that waits for a decision."""

from collections.abc import Mapping

from pedigree.access.records import Role
from pedigree.audit.records import Actor
from pedigree.lifecycle.approval_rules import ApprovalRule
from pedigree.registry import Registry

ASKS = "ada@example.com"
APPROVED = "lin@example.com"
LOOKS = "mira@example.com"
"""Whose pages are pictured: she may decide, and has not yet."""

CHURN, FLIGHTS = "customer_churn", "flight_delay"
ABOUT = (
    (CHURN, "Which customers of a telephone company will leave", "growth"),
    (FLIGHTS, "How late a flight from New York arrives", "logistics"),
)
ROLES: Mapping[str, tuple[Role, ...]] = {
    LOOKS: (Role.DEPLOYER, Role.APPROVER, Role.AUDITOR),
    APPROVED: (Role.APPROVER,),
}


def tell(registry: Registry) -> str:
    """Let people ask and decide; return the token of who looks."""
    operator = registry.acting_as(Actor(name="operator", source="pictures"))
    tokens = {name: operator.create_token(name, roles=roles) for name, roles in ROLES.items()}
    for name, about, team in ABOUT:
        operator.update_model(name, description=about, owners=[ASKS], tags={"team": team})
    _require_two_approvals(operator)
    # Before anybody decides: an alias that moves makes approvals void.
    operator.set_alias(CHURN, "challenger", 2, reason="scored next to production")
    _as(registry, ASKS).request_stage(
        f"{CHURN}/2",
        "production",
        reason="calibration is fine: the rollback was a precaution",
    )
    _as(registry, APPROVED).approve(
        f"{CHURN}/2",
        "production",
        comment="Better in every slice, and callers change nothing.",
    )
    return tokens[LOOKS].secret


def _as(registry: Registry, name: str) -> Registry:
    return registry.acting_as(Actor(name=name, source="pictures"))


def _require_two_approvals(registry: Registry) -> None:
    policy = registry.policy(CHURN)
    stages = tuple(
        rule.model_copy(update={"approvals": ApprovalRule(needed=2)})
        if rule.name == "production"
        else rule
        for rule in policy.stages
    )
    registry.set_policy(
        CHURN, policy.model_copy(update={"stages": stages}), reason="two people decide from now on"
    )
