"""Policies: the gates of each stage."""

from pedigree._record import PAGE
from pedigree.access.named_records import name_people
from pedigree.access.records import Permission
from pedigree.audit.records import Actor
from pedigree.contract.policies import PolicyContract
from pedigree.errors import PedigreeError
from pedigree.lifecycle import policy_defaults, promotion_queue
from pedigree.lifecycle import policy_history as revisions
from pedigree.lifecycle.checks.settings import require_known_settings
from pedigree.lifecycle.decision_records import PolicyDefault, PolicyRevision
from pedigree.lifecycle.gate_inputs import model_state
from pedigree.lifecycle.policy import read_policy
from pedigree.lifecycle.records import CheckRule, Policy
from pedigree.lifecycle.standing import naming
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import ContextGroup


class PolicyOperations(ContextGroup, PolicyContract):
    """Policies: the gates of each stage."""

    def policy(self, name: str) -> Policy:
        self._context.require(Permission.READ, name)
        state = self._context.database.read(lambda transaction: model_state(transaction, name))
        return read_policy(state["policy"])

    def set_policy(
        self,
        name: str,
        policy: Policy,
        *,
        reason: str | None = None,
        actor: Actor | None = None,
    ) -> int:
        self._context.require(Permission.GOVERN, name)
        require_known_settings(policy)
        by = self._context.principal(actor)
        policy = naming(policy, self._context.names.pseudonyms)
        return self._context.database.transaction(
            lambda transaction: revisions.set_policy(transaction, name, policy, by, reason=reason)
        )

    def expect_policy(self, name: str, policy: Policy, *, actor: Actor | None = None) -> None:
        """Refuse a policy that :meth:`set_policy` would refuse in the model's present state.

        Args:
            name: The model.
            policy: The policy.
            actor: Who would set it; this process's actor when None.

        Raises:
            NotPermittedError: The present policy names other editors.
            InvalidPolicyError: A new stage has an invalid name, or versions would be stranded.
        """
        names, by = self._context.names, self._context.principal(actor)
        wanted = naming(policy, names.pseudonyms)
        try:
            self._context.database.read(
                lambda transaction: revisions.expect_policy(transaction, name, wanted, by)
            )
        except PedigreeError as error:
            name_people(error, names)
            raise

    def policy_history(
        self, name: str, *, limit: int = PAGE, after: int = 0
    ) -> tuple[PolicyRevision, ...]:
        self._context.require(Permission.READ, name)

        def read(transaction: Transaction) -> tuple[PolicyRevision, ...]:
            model_state(transaction, name)
            return revisions.history(transaction, name, limit=limit, after=after)

        return self._context.database.read(read)

    def set_policy_default(
        self, pattern: str, policy: Policy, *, reason: str | None = None
    ) -> PolicyDefault:
        self._context.require(Permission.GOVERN)
        require_known_settings(policy)
        by = self._context.principal()
        policy = naming(policy, self._context.names.pseudonyms)
        return self._context.database.transaction(
            lambda transaction: policy_defaults.set_default(
                transaction, pattern, policy, by, reason=reason
            )
        )

    def policy_defaults(
        self, *, limit: int = PAGE, after: str | None = None
    ) -> tuple[PolicyDefault, ...]:
        self._context.require(Permission.AUDIT)
        return self._context.database.read(
            lambda transaction: policy_defaults.defaults(
                transaction, limit=limit, after=after or ""
            )
        )

    def delete_policy_default(self, pattern: str, *, reason: str | None = None) -> None:
        self._context.require(Permission.GOVERN)
        actor = self._context.actor()
        self._context.database.transaction(
            lambda transaction: policy_defaults.delete_default(
                transaction, pattern, actor, reason=reason
            )
        )

    def registration_checks(self, name: str) -> tuple[str, ...]:
        return promotion_queue.registration_checks(self.policy(name))

    def check_rules(self, name: str, check: str) -> tuple[CheckRule, ...]:
        return self.policy(name).check_rules(check) or (CheckRule(name=check),)
