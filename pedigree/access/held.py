"""What the database says that somebody holds: roles, grants and groups, and their grants."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from pedigree._record import Record
from pedigree.access.grants import Effect, Grant
from pedigree.access.principal import Principal
from pedigree.access.records import AccessToken, Permission
from pedigree.audit.records import Actor

_KNOWN = frozenset(Permission)


class HeldRole(Record):
    """A role, with what it permits now."""

    name: str
    permissions: tuple[str, ...]
    stages: tuple[str, ...]

    def grant(self, models: Collection[str], origin: str) -> Grant:
        """Return the grant of the role on some models; all if empty."""
        return Grant(
            permissions=_known(self.permissions),
            models=tuple(models),
            stages=self.stages,
            origin=origin,
            role=self.name,
        )


class HeldGrant(Record):
    """A grant in force, of the principal or of a group."""

    grant_id: int
    group: str | None
    effect: Effect
    role: str
    permissions: tuple[str, ...]
    models: tuple[str, ...]
    stages: tuple[str, ...]

    @property
    def origin(self) -> str:
        """What it is called in messages."""
        by = f" to the group {self.group}" if self.group else ""
        return f"grant {self.grant_id}{by}"

    @property
    def grant(self) -> Grant:
        """The same as the judge needs it."""
        return Grant(
            permissions=_known(self.permissions),
            models=self.models,
            stages=self.stages,
            effect=self.effect,
            origin=self.origin,
            role=self.role,
            grant_id=self.grant_id,
        )


class HeldToken(Record):
    """A token that is not revoked, with its roles."""

    token_id: int
    expires_at: datetime | None
    roles: tuple[HeldRole, ...]
    models: tuple[str, ...]

    def grants(self) -> Iterator[Grant]:
        """Yield the grants of its roles."""
        for role in self.roles:
            yield role.grant(self.models, f"token {self.token_id}")


class SeenRoles(Record):
    """The roles that the newest token of an identity had."""

    issuer: str
    roles: tuple[HeldRole, ...]
    models: tuple[str, ...]

    def grants(self) -> Iterator[Grant]:
        """Yield the grants of its roles."""
        for role in self.roles:
            yield role.grant(self.models, f"login at {self.issuer}")


class Held(Record):
    """What somebody holds now.

    Attributes:
        roles: The roles that their token carries, as far as they exist.
        grants: The grants in force, their own and those of their groups.
        groups: The groups.
        name: Their name, or their pseudonym if the name is erased.
    """

    name: str = ""
    roles: tuple[HeldRole, ...] = ()
    grants: tuple[HeldGrant, ...] = ()
    groups: tuple[str, ...] = ()

    def carried(self, models: Collection[str], origin: str) -> tuple[Grant, ...]:
        """Return the grants of the roles that the token carries."""
        return tuple(role.grant(models, origin) for role in self.roles)

    @property
    def granted(self) -> tuple[Grant, ...]:
        """The grants in force."""
        return tuple(each.grant for each in self.grants)

    @property
    def denied(self) -> tuple[Grant, ...]:
        """The grants in force that deny."""
        return tuple(each for each in self.granted if each.effect is Effect.DENY)


class Standing(Record):
    """What somebody holds now, by any token that is not revoked and by their last logins."""

    name: str
    access: Held
    tokens: tuple[HeldToken, ...]
    seen: tuple[SeenRoles, ...]

    @property
    def grants(self) -> tuple[Grant, ...]:
        """All grants."""
        by_tokens = (each for token in self.tokens for each in token.grants())
        by_logins = (each for login in self.seen for each in login.grants())
        return (*self.access.granted, *by_tokens, *by_logins)


class Bearer(NamedTuple):
    """A valid token, and what its principal holds."""

    token: AccessToken
    held: Held

    @property
    def principal(self) -> Principal:
        """Who acts by the token.

        Its roles bound it: allowances of its principal do not extend them. A token without roles
        has what its principal is granted, on its models. Denials always apply.
        """
        token, held = self
        models = token.models
        carried = (*held.carried(models, "the token"), *held.denied)
        return Principal(
            actor=Actor(name=token.principal, source="token"),
            grants=carried if token.roles else held.granted,
            groups=held.groups,
            known_as=held.name,
            bound=Grant(models=models) if models else None,
            reads_store=False,
            expires_at=token.expires_at,
            issued_by=token.created_by,
        )


def _known(names: Iterable[str]) -> frozenset[Permission]:
    # A later release may have more; this one cannot judge them.
    return frozenset(Permission(name) for name in names if name in _KNOWN)
