"""Access tokens of the service."""

from collections.abc import Iterable
from datetime import timedelta

from pedigree._record import PAGE
from pedigree.access.records import AccessToken, IssuedToken, Whoami
from pedigree.client.service import ServiceGroup
from pedigree.contract import paths
from pedigree.contract.paths import fill
from pedigree.contract.tokens import TokenContract


class RemoteTokens(ServiceGroup, TokenContract):
    """Access tokens of the service."""

    def create_token(
        self,
        principal: str,
        *,
        roles: Iterable[str] = (),
        models: Iterable[str] = (),
        expires: timedelta | None = None,
    ) -> IssuedToken:
        new = {
            "principal": principal,
            "roles": tuple(roles),
            "models": tuple(models),
            "expires_s": None if expires is None else int(expires.total_seconds()),
        }
        return self._service.write(IssuedToken, "POST", paths.TOKENS, new)

    def tokens(self, *, limit: int = PAGE, after: int = 0) -> tuple[AccessToken, ...]:
        return self._service.items(AccessToken, paths.TOKENS, limit=limit, after=after)

    def whoami(self) -> Whoami:
        return self._service.read(Whoami, paths.WHOAMI)

    def revoke_token(self, token_id: int) -> AccessToken:
        return self._service.write(AccessToken, "DELETE", fill(paths.TOKEN, token_id=token_id))
