"""People: principals, the identities that act by them, and the rights of their newest tokens."""

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import Field

from pedigree._record import Record


class PrincipalKind(StrEnum):
    """What acts by a principal."""

    PERSON = "person"
    WORKLOAD = "workload"
    SERVICE = "service"


class RolesLastSeen(Record):
    """The roles and groups that an identity had in its newest token."""

    issuer: str
    roles: tuple[str, ...]
    models: tuple[str, ...] = Field(
        description="Names of models or patterns such as churn*; all models when empty"
    )
    groups: tuple[str, ...]
    issued_at: datetime = Field(description="When the issuer made the token")
    seen_at: datetime = Field(description="When the registry last saw it, to the hour")


class LinkedIdentity(Record):
    """A subject of an issuer that acts by a principal, with the rights of its newest token."""

    identity_id: int
    issuer: str
    subject: str
    email: str | None = Field(description="If the issuer verified it")
    roles: tuple[str, ...]
    models: tuple[str, ...] = Field(
        description="Names of models or patterns such as churn*; all models when empty"
    )
    groups: tuple[str, ...]
    issued_at: datetime | None = Field(
        description="When the issuer made the token; null before the first one"
    )
    seen_at: datetime | None = Field(description="When the registry last saw it, to the hour")
    ended_at: datetime | None = Field(
        description="Tokens that were issued before give no rights; null if none was ended"
    )


class KnownPrincipal(Record):
    """A name by which somebody acts, and the identities that act by it."""

    principal_id: int
    name: str
    kind: PrincipalKind
    person: str = Field(description="The first principal of the same person, which may be itself")
    created_at: datetime
    deactivated_at: datetime | None = Field(
        description="Since when the person is not let in; null if they are"
    )
    identities: tuple[LinkedIdentity, ...]


class ErasedPerson(Record):
    """What is left of a person whose names were erased."""

    pseudonyms: tuple[str, ...] = Field(
        description="What answers show instead of their names from now on"
    )
    keeps_older_names: bool = Field(
        description="They acted before names were kept apart: older events and rows keep the name"
    )


class SeenIdentity(Record):
    """What the database knows about the identity of a token."""

    principal: str
    roles: tuple[str, ...]
    models: tuple[str, ...]
    groups: tuple[str, ...]
    email: str | None
    issued_at: datetime | None
    seen_at: datetime | None
    ended_at: datetime | None
    is_active: bool
    now: datetime

    @property
    def is_old(self) -> bool:
        """Whether it is time to note again that the identity was seen."""
        return self.seen_at is None or self.now - self.seen_at > timedelta(hours=1)
