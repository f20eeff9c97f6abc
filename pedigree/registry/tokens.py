"""Who may use the service: tokens are made, listed and revoked."""

from collections.abc import Iterable
from datetime import timedelta

from pedigree.access import tokens
from pedigree.access.records import AccessToken, IssuedToken, Role
from pedigree.catalog import lookups
from pedigree.registry._session import Session


class AccessOperations(Session):
    """Verbs for the tokens of the service."""

    def create_token(
        self,
        principal: str,
        *,
        roles: Iterable[Role],
        models: Iterable[str] = (),
        expires: timedelta | None = None,
    ) -> IssuedToken:
        """Make a token for the service; its secret is shown this once and kept nowhere.

        Args:
            principal: Who acts by it, such as ``ci@churn``.
            roles: What it may do.
            models: Names of models, or patterns such as ``churn*``, that it is for; none: all.
            expires: How long it holds; for ever when None.

        Raises:
            InvalidInputError: The principal is no name, or no role is given.
        """
        actor, roles, models = self.actor(), tuple(roles), tuple(models)
        return self.database.transaction(
            lambda transaction: tokens.create_token(
                transaction, principal, actor, roles=roles, models=models, expires=expires
            )
        )

    def tokens(self, *, limit: int = lookups.PAGE, after: int = 0) -> tuple[AccessToken, ...]:
        """Return a page of the tokens, also revoked and expired ones, the oldest first.

        Args:
            limit: How many at most.
            after: The ``token_id`` that the page before ended with.
        """
        limit = lookups.at_least_one(limit)
        return self.database.read(
            lambda transaction: tokens.tokens(transaction, limit=limit, after=after)
        )

    def revoke_token(self, token_id: int) -> AccessToken:
        """Revoke a token for good; the service refuses it within a second.

        Raises:
            TokenNotFoundError: There is no such token.
        """
        actor = self.actor()
        return self.database.transaction(
            lambda transaction: tokens.revoke_token(transaction, token_id, actor)
        )

    def token_of(self, secret: str) -> AccessToken | None:
        """Return the token of a secret; None where there is none, or it is revoked or expired."""
        return self.database.read(lambda transaction: tokens.valid_token(transaction, secret))

    def has_tokens(self) -> bool:
        """Say whether there is any token that is neither revoked nor expired."""
        return self.database.read(tokens.any_token)
