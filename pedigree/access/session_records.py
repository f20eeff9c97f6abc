"""Sessions of the web page, as lists show them and as requests use them."""

from datetime import datetime
from typing import NamedTuple

from pydantic import Field

from pedigree._record import Record
from pedigree.access.held import Bearer
from pedigree.access.oidc.identities import Identity
from pedigree.access.people_records import PrincipalKind, SeenIdentity


class WebSession(Record):
    """A session of the web page."""

    session_id: int
    principal: str | None = Field(
        description="Who signed in; null after their identity was unlinked"
    )
    token_id: int | None = Field(description="The token by which they signed in")
    issuer: str | None = Field(description="The issuer at which they signed in")
    began_at: datetime
    used_at: datetime = Field(description="Its last request, to five minutes")
    expires_at: datetime = Field(description="When it ends in any case")
    ended_at: datetime | None = Field(description="When somebody ended it")
    ended_by: str | None = None
    is_open: bool = Field(description="Whether its own times let it give rights")


class GivenRights(Record):
    """What the token of an issuer gave somebody who signed in."""

    provider: str
    rule: int
    kind: PrincipalKind
    roles: tuple[str, ...]
    models: tuple[str, ...]
    groups: tuple[str, ...]
    issued_at: datetime

    @classmethod
    def of(cls, identity: Identity) -> "GivenRights":
        """Return what a verified token gave."""
        return cls(
            provider=identity.provider,
            rule=identity.rule,
            kind=identity.kind,
            roles=tuple(str(role) for role in identity.roles),
            models=identity.models,
            groups=identity.groups,
            issued_at=identity.issued_at,
        )


class FoundSession(Record):
    """What a session's own row says."""

    session_id: int
    expires_at: datetime
    issuer: str | None
    subject: str | None
    login: GivenRights | None
    is_idle: bool = Field(description="Whether it is time to note that it is used")


class OpenSession(NamedTuple):
    """An open session, and who it is of: the bearer of a token, or an identity."""

    found: FoundSession
    bearer: Bearer | None
    known: SeenIdentity | None

    @property
    def identity(self) -> Identity | None:
        """Who the token of the issuer stood for at sign-in; None in a session of a token."""
        found, login, known = self.found, self.found.login, self.known
        if login is None or known is None or found.issuer is None or found.subject is None:
            return None
        return Identity(
            principal=known.principal,
            roles=login.roles,
            models=login.models,
            provider=login.provider,
            issuer=found.issuer,
            subject=found.subject,
            rule=login.rule,
            expires_at=found.expires_at,
            token_id=None,
            claims={},
            kind=login.kind,
            groups=login.groups,
            email=None,
            issued_at=login.issued_at,
            links_by_email=False,
            scim=None,
            is_first_admin=False,
        )
