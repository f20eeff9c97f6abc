"""Tokens, collections and checks of the whole registry over HTTP."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

from pedigree.access.records import AccessToken, IssuedToken, Role
from pedigree.client._session import PAGE, ServiceSession
from pedigree.maintenance.fsck_records import Report
from pedigree.maintenance.gc_plan import Plan
from pedigree.maintenance.gc_records import ITEM, Collection


class OperatingOperations(ServiceSession):
    """Verbs for who runs the registry; each does what its namesake of ``Registry`` does."""

    def create_token(
        self,
        principal: str,
        *,
        roles: Iterable[Role],
        models: Iterable[str] = (),
        expires: timedelta | None = None,
    ) -> IssuedToken:
        """Make a token for the service; its secret is shown this once and kept nowhere."""
        new = {
            "principal": principal,
            "roles": tuple(roles),
            "models": tuple(models),
            "expires_s": None if expires is None else int(expires.total_seconds()),
        }
        return self._write(IssuedToken, "POST", "/tokens", new)

    def tokens(self, *, limit: int = PAGE, after: int = 0) -> tuple[AccessToken, ...]:
        """Return a page of the tokens, also revoked and expired ones, the oldest first."""
        return self._items(AccessToken, "/tokens", limit=limit, after=after)

    def revoke_token(self, token_id: int) -> AccessToken:
        """Revoke a token for good; the service refuses it within a second."""
        return self._write(AccessToken, "DELETE", f"/tokens/{token_id}")

    def plan_gc(self) -> Plan:
        """Say what a garbage collection would do now, and why; nothing is changed."""
        plan = Plan()
        try:
            for line in _lines(self._connection.stream("/gc")):
                plan.add(ITEM.validate_json(line))
        except BaseException:
            plan.close()
            raise
        return plan

    def gc(self, plan: Plan) -> Collection:
        """Do exactly what a plan says; it is refused where there is another one by now."""
        return self._work(Collection, "/gc", {"plan": plan.digest})

    def fsck(self, *, hashes: bool = False) -> Report:
        """Check every invariant of the registry, while it is at work; nothing is changed."""
        return self._work(Report, "/fsck", hashes=hashes)


def _lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
