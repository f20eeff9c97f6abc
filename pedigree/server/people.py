"""Whose token of a provider it is: the identity in the database, and what it may do."""

import logging
from asyncio import get_running_loop
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import TypeVar

from pedigree.access.last_seen import is_ended, narrowed, says_the_same
from pedigree.access.oidc.identities import Identity
from pedigree.access.oidc.refusals import EndedTokenError, NoPrincipalError
from pedigree.access.people_records import SeenIdentity
from pedigree.access.principal import Principal
from pedigree.access.session_records import OpenSession
from pedigree.audit.records import Actor
from pedigree.errors import NameTakenError
from pedigree.registry import Registry
from pedigree.server.point_reads import PointReads

_LOG = logging.getLogger(__name__)

T = TypeVar("T")


class PeopleOfProviders:
    """The people of the registry, as a worker sees them.

    Args:
        registry: The registry.
        reads: Reads of one identity.
        threads: Where it writes.
    """

    def __init__(self, registry: Registry, reads: PointReads, threads: Executor) -> None:
        self._see: Callable[[Identity], SeenIdentity] = registry.operations.people.see
        self._reads = reads
        self._threads = threads
        self._noting: set[tuple[str, str]] = set()
        self._asked_for_admin = False

    async def principal(self, found: Identity) -> Principal:
        """Return the principal of a verified token.

        It writes at the first token of an identity, and when a newer one says something else. That
        an identity was seen is noted once an hour, after the answer.

        Raises:
            NoPrincipalError: The name that the token gives it belongs to somebody else.
            EndedTokenError: Its person is deactivated, or its rights were ended after its issue.
        """
        known = await self._reads.identity(found)
        claims = found.is_first_admin and not self._asked_for_admin
        if known is None or claims or not says_the_same(known, found):
            try:
                known = await get_running_loop().run_in_executor(self._threads, self._see, found)
            except NameTakenError:
                raise NoPrincipalError(
                    "the principal of the token belongs to another identity, or to tokens; if both"
                    " are one person, an admin links them: `pedigree access link`"
                ) from None
            self._asked_for_admin |= found.is_first_admin
        elif known.is_old:
            self._note(found)
        return await self._admitted(known, found)

    async def principal_of_session(self, session: OpenSession) -> Principal:
        """Return the principal of a session that began by a login.

        Raises:
            EndedTokenError: Its identity was unlinked, its person is deactivated, or its rights
                were ended after the login.
        """
        found, known = session.identity, session.known
        if found is None or known is None:
            raise EndedTokenError("the identity of the session acts by no principal any more")
        return await self._admitted(known, found)

    async def _admitted(self, known: SeenIdentity, found: Identity) -> Principal:
        if not known.is_active:
            raise EndedTokenError("the principal of the token is deactivated")
        if is_ended(known, found):
            raise EndedTokenError("the rights of the token were ended; log in again")
        roles, models = narrowed(known, found)
        held = await self._reads.held(known.principal, roles)
        rule = f"rule {found.rule} of the provider {found.provider}"
        return Principal(
            actor=Actor(name=known.principal, source=found.actor.source),
            # What the rule gives, and what the principal is granted.
            grants=(*held.carried(models, rule), *held.granted),
            groups=held.groups,
            known_as=held.name,
            reads_store=False,
            expires_at=found.expires_at,
        )

    def _note(self, found: Identity) -> None:
        """Note that an identity was seen, while the request is answered."""
        key = (found.issuer, found.key)
        if key in self._noting:
            return
        self._noting.add(key)

        def noted(result: "Future[SeenIdentity]") -> None:
            self._noting.discard(key)
            if error := result.exception():
                _LOG.warning(
                    "a token could not be noted as seen: %s", error, extra={"action": "people.seen"}
                )

        self._threads.submit(self._see, found).add_done_callback(noted)
