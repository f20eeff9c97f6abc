"""Permissions, the roles that bundle them, and tokens."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, TypeAlias

from pydantic import Field

from pedigree._record import Record
from pedigree.access.patterns import is_one_of
from pedigree.access.people_records import RolesLastSeen


class Permission(StrEnum):
    """A permission; each operation requires one."""

    READ = "read"
    REGISTER = "register"
    DESCRIBE = "describe"
    REQUEST = "request"
    MOVE = "move"
    DECIDE = "decide"
    OVERRIDE = "override"
    QUARANTINE = "quarantine"
    JUDGE = "judge"
    GOVERN = "govern"
    DELETE = "delete"
    CONFIGURE = "configure"
    OPERATE = "operate"
    ADMINISTER = "administer"
    AUDIT = "audit"
    PROVISION = "provision"
    TRACK = "track"


RoleName: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
"""The name of a role, built-in or custom."""

MOST_ROLES = 20
"""The most roles of a token, or of a rule of an OIDC provider."""


class Role(StrEnum):
    """The names of the built-in roles, which bundle permissions."""

    READER = "reader"
    CONTRIBUTOR = "contributor"
    DEPLOYER = "deployer"
    APPROVER = "approver"
    AUDITOR = "auditor"
    ADMIN = "admin"


# A contributor creates versions and requests their promotion; a deployer moves versions and creates
# none; an approver decides and does nothing else. Somebody may have several roles.
PERMISSIONS: Mapping[str, frozenset[Permission]] = MappingProxyType(
    {
        Role.READER: frozenset({Permission.READ}),
        Role.CONTRIBUTOR: frozenset(
            {
                Permission.READ,
                Permission.REGISTER,
                Permission.DESCRIBE,
                Permission.REQUEST,
                Permission.JUDGE,
                Permission.TRACK,
            },
        ),
        Role.DEPLOYER: frozenset(
            {
                Permission.READ,
                Permission.REQUEST,
                Permission.MOVE,
                Permission.DECIDE,
                Permission.QUARANTINE,
                Permission.JUDGE,
            },
        ),
        Role.APPROVER: frozenset({Permission.READ, Permission.DECIDE}),
        Role.AUDITOR: frozenset({Permission.READ, Permission.AUDIT}),
        Role.ADMIN: frozenset(Permission),
    }
)


def permitted(roles: Iterable[str]) -> frozenset[Permission]:
    """Return the permissions of these built-in roles; others have none here.

    >>> Permission.MOVE in permitted([Role.CONTRIBUTOR])
    False
    """
    return frozenset().union(*(PERMISSIONS.get(role, ()) for role in roles))


class AccessToken(Record):
    """A service token without its secret."""

    token_id: int
    principal: str = Field(description="The actor of the changes that the token makes")
    roles: tuple[str, ...] = Field(
        description="Names of roles; what its principal is granted when empty"
    )
    models: tuple[str, ...] = Field(
        description="Names of models or patterns such as churn*; all models when empty"
    )
    created_at: datetime
    created_by: str
    expires_at: datetime | None = Field(description="When it expires; never when null")
    revoked_at: datetime | None = None
    revoked_by: str | None = None

    def is_for(self, model: str) -> bool:
        """Return whether it may be used for a model."""
        return not self.models or is_one_of(model, self.models)


class Whoami(Record):
    """The caller, as the registry knows them."""

    principal: str = Field(description="The name that events record")
    source: str = Field(description="Where the name comes from, such as token, oidc sso or git")
    roles: tuple[str, ...] = Field(description="Names of their roles; none without a token")
    groups: tuple[str, ...] = Field(default=(), description="Names of their groups")
    permissions: tuple[Permission, ...]
    models: tuple[str, ...] = Field(
        description="Names of models or patterns such as churn*; all models when empty"
    )
    expires_at: datetime | None = Field(
        description="When the token expires; never, or without a token, when null"
    )
    last_seen: tuple[RolesLastSeen, ...] = Field(
        default=(),
        description="Roles and groups that claims gave them, by each issuer's newest token",
    )


class IssuedToken(Record):
    """A new token with its secret, which is shown only once and not stored."""

    token: AccessToken
    secret: str = Field(repr=False)
