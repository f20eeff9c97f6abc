"""What a model's versions must show to enter a stage, and how that changed."""

from pedigree.audit.records import Actor
from pedigree.lifecycle import policy_history as revisions
from pedigree.lifecycle import promotion_queue
from pedigree.lifecycle.checks.settings import require_known_settings
from pedigree.lifecycle.decision_records import PolicyRevision
from pedigree.lifecycle.gate_inputs import model_state
from pedigree.lifecycle.policy import read_policy
from pedigree.lifecycle.records import Policy
from pedigree.postgres.transaction import Transaction
from pedigree.registry._session import Session


class PolicyOperations(Session):
    """Verbs on the policy of a model."""

    def policy(self, name: str) -> Policy:
        """Return a model's policy; the default one where it has none of its own."""
        state = self.database.read(lambda transaction: model_state(transaction, name))
        return read_policy(state["policy"])

    def registration_checks(self, name: str) -> tuple[str, ...]:
        """Return the checks by which a new version of a model becomes a candidate."""
        return promotion_queue.registration_checks(self.policy(name))

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
        require_known_settings(policy)
        actor = actor or self.actor()
        return self.database.transaction(
            lambda transaction: revisions.set_policy(
                transaction, name, policy, actor, reason=reason
            )
        )

    def policy_history(self, name: str) -> tuple[PolicyRevision, ...]:
        """Return the policies that a model was given, the first one first.

        Raises:
            ModelNotFoundError: There is no model of that name.
        """

        def read(transaction: Transaction) -> tuple[PolicyRevision, ...]:
            model_state(transaction, name)
            return revisions.history(transaction, name)

        return self.database.read(read)
