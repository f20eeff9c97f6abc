"""Sessions of browsers in a worker: whose a cookie is, found again every half second."""

import logging
from concurrent.futures import Executor, Future
from typing import NamedTuple

from starlette.requests import Request

from pedigree.access.oidc.refusals import RefusedTokenError
from pedigree.access.principal import Principal
from pedigree.access.session_records import OpenSession
from pedigree.errors import NotAuthenticatedError
from pedigree.registry import Registry
from pedigree.server.http.auth import Authenticator, Caller
from pedigree.server.http.trusted import Trusted
from pedigree.server.http.unknown_tokens import UnknownTokens
from pedigree.server.people import PeopleOfProviders
from pedigree.server.point_reads import PointReads
from pedigree.server.request_metrics import RequestMetrics

_LOG = logging.getLogger(__name__)


class BrowserSession(NamedTuple):
    """The session of a browser.

    Attributes:
        caller: Whose it is.
        session_id: Its number.
        issuer: The issuer at which it began; None if it began by a token.
        provider: The name of that issuer in the file of providers.
    """

    caller: Caller
    session_id: int
    issuer: str | None
    provider: str | None


class WebSessions:
    """Finds the sessions of cookies.

    Args:
        registry: The registry.
        reads: Reads of one session.
        people: Whose logins they are.
        authenticator: Gives callers their registry.
        threads: Where it notes that sessions are used.
        metrics: Where refusals are counted.
    """

    def __init__(
        self,
        registry: Registry,
        reads: PointReads,
        people: PeopleOfProviders,
        authenticator: Authenticator,
        *,
        threads: Executor,
        metrics: RequestMetrics,
    ) -> None:
        self._note_used = registry.operations.sessions.note_used
        self._reads = reads
        self._people = people
        self._authenticator = authenticator
        self._threads = threads
        self._known = Trusted[BrowserSession]()
        self._unknown = UnknownTokens(metrics)

    async def find(self, cookie: str, request: Request, *, is_use: bool) -> BrowserSession | None:
        """Return the session of a cookie; None if it has none, or none that gives rights.

        Args:
            cookie: The cookie.
            request: The request that has it.
            is_use: Whether the request is a use, so that the session does not become idle.

        Raises:
            ServiceBusyError: The address of the request sent too many unknown cookies.
        """
        if known := self._known.fresh(cookie):
            return known
        address = request.client.host if request.client else ""
        if not self._known.knows(cookie):
            self._unknown.require_few(address)
        session = await self._reads.session(cookie)
        principal = None if session is None else await self._principal_of(session)
        if session is None or principal is None:
            self._known.forget(cookie)
            self._unknown.note(address)
            return None
        if is_use and session.found.is_idle:
            self._note(session.found.session_id)
        login = session.found.login
        found = BrowserSession(
            await self._authenticator.caller(principal),
            session.found.session_id,
            session.found.issuer,
            login.provider if login else None,
        )
        self._known.keep(cookie, found)
        return found

    def forget(self, cookie: str) -> None:
        """Forget a session that ends now."""
        self._known.forget(cookie)

    async def _principal_of(self, session: OpenSession) -> Principal | None:
        """Return whose session it is; None if they have no rights by it any more."""
        if session.found.login is None:
            return session.bearer.principal if session.bearer else None
        try:
            return await self._people.principal_of_session(session)
        except (RefusedTokenError, NotAuthenticatedError):
            return None

    def _note(self, session_id: int) -> None:
        """Note that a session is used, while the request is answered."""

        def noted(result: "Future[None]") -> None:
            if error := result.exception():
                _LOG.warning(
                    "a session could not be noted as used: %s",
                    error,
                    extra={"action": "session.used"},
                )

        self._threads.submit(self._note_used, session_id).add_done_callback(noted)
