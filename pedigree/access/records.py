"""What tokens may do: permissions, the roles that bundle them, and the tokens themselves."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from pydantic import Field

from pedigree._record import Record
from pedigree.access.principals import is_one_of


class Permission(StrEnum):
    """One kind of thing that may be done; each route of the service declares its own."""

    READ = "read"
    REGISTER = "register"
    DESCRIBE = "describe"
    REQUEST = "request"
    MOVE = "move"
    DECIDE = "decide"
    QUARANTINE = "quarantine"
    JUDGE = "judge"
    GOVERN = "govern"
    DELETE = "delete"
    CONFIGURE = "configure"
    OPERATE = "operate"


class Role(StrEnum):
    """A bundle of permissions that a token carries."""

    READER = "reader"
    CONTRIBUTOR = "contributor"
    DEPLOYER = "deployer"
    ADMIN = "admin"


# Who makes versions asks that they be moved, and who moves them makes none; a token may have both
# roles.
PERMISSIONS: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        Role.READER: frozenset({Permission.READ}),
        Role.CONTRIBUTOR: frozenset(
            {
                Permission.READ,
                Permission.REGISTER,
                Permission.DESCRIBE,
                Permission.REQUEST,
                Permission.JUDGE,
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
        Role.ADMIN: frozenset(Permission),
    }
)


def permitted(roles: Iterable[Role]) -> frozenset[Permission]:
    """Return what somebody with these roles may do.

    >>> Permission.MOVE in permitted([Role.CONTRIBUTOR])
    False
    """
    return frozenset().union(*(PERMISSIONS[role] for role in roles))


class AccessToken(Record):
    """A service token as the registry knows it: all but its secret."""

    token_id: int
    principal: str = Field(description="Who acts by it: the actor of what it changes")
    roles: tuple[Role, ...]
    models: tuple[str, ...] = Field(
        description="Names of models, or patterns such as churn*, that it is for; none: all models"
    )
    created_at: datetime
    created_by: str
    expires_at: datetime | None = Field(description="From then on it is refused; None: never")
    revoked_at: datetime | None = None
    revoked_by: str | None = None

    def is_for(self, model: str) -> bool:
        """Say whether it may be used for a model."""
        return not self.models or is_one_of(model, self.models)


class IssuedToken(Record):
    """A new token with its secret, which is shown this once and kept nowhere."""

    token: AccessToken
    secret: str = Field(repr=False)
