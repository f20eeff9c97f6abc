"""Access tokens of the service."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Protocol

from pedigree._record import PAGE
from pedigree._values import Key
from pedigree.access.records import AccessToken, IssuedToken, Whoami


class TokenContract(Protocol):
    """Access tokens of the service."""

    def create_token(
        self,
        principal: Key,
        *,
        roles: Iterable[str] = (),
        models: Iterable[str] = (),
        expires: timedelta | None = None,
    ) -> IssuedToken:
        """Create a token for the service; its secret is shown only once and not stored.

        Args:
            principal: The actor that the token stands for, such as ``ci@churn``.
            roles: The names of its roles; what the principal is granted when empty.
            models: Names of models or patterns such as ``churn*``; all models when empty.
            expires: How long it is valid; without limit when None.

        Raises:
            InvalidInputError: The principal is not a valid name.
            AccessNotFoundError: There is no such role.
            OwnRightsError: It is for the caller, with a role that they do not hold.
        """

    def tokens(self, *, limit: int = PAGE, after: int = 0) -> tuple[AccessToken, ...]:
        """Return a page of the tokens, with revoked and expired ones, the oldest first.

        Args:
            limit: How many at most.
            after: The last ``token_id`` of the previous page.
        """

    def whoami(self) -> Whoami:
        """Return the caller: the name, its source, the rights, until when, and roles last seen."""

    def revoke_token(self, token_id: int) -> AccessToken:
        """Revoke a token permanently; the service refuses it within a second.

        Raises:
            TokenNotFoundError: There is no such token.
        """
