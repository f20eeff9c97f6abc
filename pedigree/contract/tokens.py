"""Access tokens of the service."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Protocol

from pedigree._record import PAGE
from pedigree.access.records import AccessToken, IssuedToken, Role


class TokenContract(Protocol):
    """Access tokens of the service."""

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

    def tokens(self, *, limit: int = PAGE, after: int = 0) -> tuple[AccessToken, ...]:
        """Return a page of the tokens, also revoked and expired ones, the oldest first.

        Args:
            limit: How many at most.
            after: The ``token_id`` that the page before ended with.
        """

    def revoke_token(self, token_id: int) -> AccessToken:
        """Revoke a token for good; the service refuses it within a second.

        Raises:
            TokenNotFoundError: There is no such token.
        """
