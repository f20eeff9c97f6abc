"""Policies: the gates of each stage."""

from typing import Protocol

from pedigree._record import PAGE
from pedigree._values import Key
from pedigree.audit.records import Actor
from pedigree.lifecycle.decision_records import PolicyDefault, PolicyRevision
from pedigree.lifecycle.records import CheckRule, Policy


class PolicyContract(Protocol):
    """Policies: the gates of each stage."""

    def policy(self, name: str) -> Policy:
        """Return a model's policy; the default policy if it has none of its own."""

    def set_policy(
        self,
        name: str,
        policy: Policy,
        *,
        reason: str | None = None,
        actor: Actor | None = None,
    ) -> int:
        """Set a model's policy; a new model is created. An unchanged policy is not written again.

        Returns:
            The number of the policy's revision: 1, 2, 3 …; 0 if the model has no policy of its own.

        Raises:
            InvalidNameError: The name breaks the naming rule.
            InvalidPolicyError: It has settings that a check of the registry does not accept, a new
                stage has the name of an alias, or a removed stage still has versions.
            NotPermittedError: The current policy names other editors.
        """

    def policy_history(
        self, name: str, *, limit: int = PAGE, after: int = 0
    ) -> tuple[PolicyRevision, ...]:
        """Return a page of the revisions of a model's policy, the oldest first.

        Args:
            name: The model.
            limit: How many at most.
            after: The last ``revision`` of the previous page.

        Raises:
            ModelNotFoundError: There is no model of that name.
        """

    def set_policy_default(
        self, pattern: str, policy: Policy, *, reason: str | None = None
    ) -> PolicyDefault:
        """Set the policy of new models whose names fit a pattern.

        The most specific pattern decides: the name itself, or else the one with the most
        characters without its stars. Models that exist keep their policy.

        Args:
            pattern: A name, or a pattern such as ``risk-*``; case does not count.
            policy: The policy.
            reason: The reason, for the audit log.

        Raises:
            InvalidInputError: No name could fit the pattern.
            InvalidPolicyError: It has settings that a check of the registry does not accept, or
                names a role or a group that does not exist.
        """

    def policy_defaults(
        self, *, limit: int = PAGE, after: str | None = None
    ) -> tuple[PolicyDefault, ...]:
        """Return a page of the policies of new models, by pattern.

        Args:
            limit: How many at most.
            after: The last ``pattern`` of the previous page.
        """

    def delete_policy_default(self, pattern: str, *, reason: str | None = None) -> None:
        """Delete the policy of new models of a pattern; models that have it keep it.

        Raises:
            NotFoundError: The pattern has no policy.
        """

    def registration_checks(self, name: str) -> tuple[str, ...]:
        """Return the checks that a new version must pass to become a candidate."""

    def check_rules(self, name: str, check: Key) -> tuple[CheckRule, ...]:
        """Return the rules with which a model's stages require a check, one for each settings.

        A check that no stage requires has one rule with its own defaults.
        """
