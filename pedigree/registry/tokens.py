"""Access tokens of the service."""

from collections.abc import Collection, Iterable
from datetime import timedelta

from pedigree._record import PAGE
from pedigree.access import exchanges, people, tokens
from pedigree.access.held import Bearer, Held
from pedigree.access.oidc.identities import Identity
from pedigree.access.records import AccessToken, IssuedToken, Permission, Whoami
from pedigree.contract.tokens import TokenContract
from pedigree.postgres.pages import at_least_one
from pedigree.registry.context import ContextGroup
from pedigree.registry.reads import note_tokens_listed


class TokenOperations(ContextGroup, TokenContract):
    """Access tokens of the service."""

    def create_token(
        self,
        principal: str,
        *,
        roles: Iterable[str] = (),
        models: Iterable[str] = (),
        expires: timedelta | None = None,
    ) -> IssuedToken:
        self._context.require(Permission.ADMINISTER)
        creator, roles, models = self._context.principal(), tuple(roles), tuple(models)
        known_as = self._context.names.of_principal(principal)
        return self._context.database.transaction(
            lambda transaction: tokens.create_token(
                transaction, known_as, creator, roles=roles, models=models, expires=expires
            )
        )

    def tokens(self, *, limit: int = PAGE, after: int = 0) -> tuple[AccessToken, ...]:
        self._context.require(Permission.AUDIT)
        limit = at_least_one(limit)
        note_tokens_listed(self._context)
        return self._context.database.read(
            lambda transaction: tokens.tokens(transaction, limit=limit, after=after)
        )

    def revoke_token(self, token_id: int) -> AccessToken:
        self._context.require(Permission.ADMINISTER)
        actor = self._context.actor()
        return self._context.database.transaction(
            lambda transaction: tokens.revoke_token(transaction, token_id, actor)
        )

    def whoami(self) -> Whoami:
        self._context.require_some(Permission.READ)
        principal = self._context.principal()
        return Whoami(
            principal=principal.name,
            source=principal.actor.source,
            roles=principal.roles,
            groups=principal.groups,
            permissions=tuple(sorted(principal.permissions)),
            models=principal.models,
            expires_at=principal.expires_at,
            last_seen=self._context.database.read(
                lambda transaction: people.roles_last_seen(transaction, principal.name)
            ),
        )

    def bearer_of(self, secret: str) -> Bearer | None:
        """Return the token of a secret; None if it does not exist, is revoked or has expired."""
        return self._context.database.read(
            lambda transaction: tokens.valid_bearer(transaction, secret)
        )

    def held_by(self, principal: str, roles: Collection[str]) -> Held:
        """Return what somebody holds, with these roles of their token."""
        return self._context.database.read(
            lambda transaction: tokens.held_by(transaction, principal, roles)
        )

    def exchange(self, workload: Identity) -> IssuedToken:
        """Exchange the verified token of a workload for one of the service, once.

        Raises:
            ExchangeRefusedError: It has no ``jti``, or was exchanged before.
        """
        known = self._context.names.identity(workload)
        return self._context.database.transaction(
            lambda transaction: exchanges.exchange(transaction, known)
        )

    def has_tokens(self) -> bool:
        """Return whether a token exists that is neither revoked nor expired."""
        return self._context.database.read(tokens.any_token)
