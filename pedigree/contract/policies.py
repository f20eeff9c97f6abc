"""Policies: what a version must show to enter a stage."""

from typing import Protocol

from pedigree.audit.records import Actor
from pedigree.lifecycle.decision_records import PolicyRevision
from pedigree.lifecycle.records import CheckRule, Policy


class PolicyContract(Protocol):
    """Policies: what a version must show to enter a stage."""

    def policy(self, name: str) -> Policy:
        """Return a model's policy; the default one where it has none of its own."""

    def set_policy(
        self,
        name: str,
        policy: Policy,
        *,
        reason: str | None = None,
        actor: Actor | None = None,
    ) -> int:
        """Give a model a policy; the model is created if it is new. Repeating it changes nothing.

        Returns:
            The number of the policy's revision: 1, 2, 3 …; 0 where the model has none of its own.

        Raises:
            InvalidNameError: The name breaks the rule.
            InvalidPolicyError: It gives a check of the registry settings that this does not take; a
                new stage has the name of an alias; or it strands versions.
            NotPermittedError: The present policy lets others change it.
        """

    def policy_history(self, name: str) -> tuple[PolicyRevision, ...]:
        """Return the policies that a model was given, the first one first.

        Raises:
            ModelNotFoundError: There is no model of that name.
        """

    def registration_checks(self, name: str) -> tuple[str, ...]:
        """Return the checks by which a new version of a model becomes a candidate."""

    def check_rules(self, name: str, check: str) -> tuple[CheckRule, ...]:
        """Return the rules by which a model's stages ask for a check, of each settings the first.

        A check that no stage asks for goes by its own defaults.
        """
