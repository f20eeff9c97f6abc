"""Sessions of the web page."""

from pedigree._record import PAGE
from pedigree.access import sessions
from pedigree.access.held import Bearer
from pedigree.access.named_records import with_names
from pedigree.access.records import Permission
from pedigree.access.session_records import OpenSession, WebSession
from pedigree.access.sessions import SignIn
from pedigree.postgres.pages import at_least_one
from pedigree.registry.context import ContextGroup


class SessionOperations(ContextGroup):
    """Sessions of the web page; the service alone begins them."""

    def sessions(self, *, limit: int = PAGE, before: int | None = None) -> tuple[WebSession, ...]:
        """Return sessions, the newest first, with ended ones.

        Args:
            limit: The largest number of sessions.
            before: The number of a session; only older ones are returned.

        Raises:
            NotPermittedError: The caller may not audit.
        """
        self._context.require(Permission.AUDIT)
        limit = at_least_one(limit)
        found = self._context.database.read(
            lambda transaction: sessions.sessions(transaction, limit=limit, before=before)
        )
        return with_names(found, self._context.names)

    def end(self, session_id: int) -> WebSession:
        """End somebody's session; one that ended before stays as it is.

        Raises:
            NotPermittedError: The caller may not administer.
            SessionNotFoundError: There is no such session.
        """
        self._context.require(Permission.ADMINISTER)
        return self.sign_out(session_id)

    def sign_out(self, session_id: int) -> WebSession:
        """End the caller's own session, which the service found by its secret."""
        actor = self._context.actor()
        ended = self._context.database.transaction(
            lambda transaction: sessions.end_session(transaction, session_id, actor)
        )
        return with_names(ended, self._context.names)

    def begin_by_token(self, bearer: Bearer, secret: str) -> WebSession:
        """Begin the session of somebody who showed a valid token.

        Raises:
            NotAuthenticatedError: The token has ended meanwhile.
        """
        return self._context.database.transaction(
            lambda transaction: sessions.begin_by_token(transaction, bearer, secret)
        )

    def begin_by_login(self, sign_in: SignIn, principal: str, secret: str) -> WebSession:
        """Begin the session of somebody who signed in at their issuer.

        Raises:
            NotAuthenticatedError: The answer of the issuer has begun a session before.
        """
        return self._context.database.transaction(
            lambda transaction: sessions.begin_by_login(transaction, sign_in, principal, secret)
        )

    def find(self, secret: str) -> OpenSession | None:
        """Return the open session of a secret; None if there is none."""
        return self._context.database.read(lambda transaction: sessions.find(transaction, secret))

    def note_used(self, session_id: int) -> None:
        """Note that a session is used, to five minutes."""
        self._context.database.transaction(
            lambda transaction: sessions.note_used(transaction, session_id)
        )
