"""Roles, groups and grants: who may do what."""

from collections.abc import Callable, Collection, Iterable
from datetime import timedelta
from typing import TypeVar

from pydantic import ValidationError

from pedigree._record import PAGE
from pedigree.access import granting, roles
from pedigree.access.grant_records import (
    AccessAnswer,
    AccessGrant,
    AccessGroup,
    AccessRole,
    EndedAccess,
)
from pedigree.access.granting import NewGrant
from pedigree.access.grants import Effect
from pedigree.access.named_people import GROUP
from pedigree.access.records import Permission
from pedigree.access.roles import NewGroup, NewRole
from pedigree.access.tokens import SQL
from pedigree.contract.access import AccessContract
from pedigree.errors import InvalidInputError
from pedigree.postgres.pages import at_least_one
from pedigree.registry.context import ContextGroup

T = TypeVar("T")


class AccessOperations(ContextGroup, AccessContract):
    """Roles, groups and grants: who may do what."""

    def grant_access(
        self,
        role: str,
        to: str,
        *,
        models: Iterable[str] = (),
        stages: Iterable[str] = (),
        deny: bool = False,
        expires: timedelta | None = None,
        reason: str | None = None,
    ) -> AccessGrant:
        self._context.require(Permission.ADMINISTER)
        new = _valid(
            lambda: NewGrant(
                role=role,
                to=self._grantee(to),
                models=tuple(models),
                stages=tuple(stages),
                effect=Effect.DENY if deny else Effect.ALLOW,
                expires=expires,
                reason=reason,
            )
        )
        actor = self._context.actor()
        return self._context.database.transaction(
            lambda transaction: granting.create_grant(transaction, new, actor)
        )

    def end_grant(self, grant_id: int, *, reason: str | None = None) -> AccessGrant:
        self._context.require(Permission.ADMINISTER)
        actor = self._context.actor()
        return self._context.database.transaction(
            lambda transaction: granting.end_grant(transaction, grant_id, actor, reason=reason)
        )

    def revoke_access(
        self, principal: str, *, tokens: bool = False, reason: str | None = None
    ) -> EndedAccess:
        self._context.require(Permission.ADMINISTER)
        actor = self._context.actor()
        principal = self._context.names.known(principal)
        return self._context.database.transaction(
            lambda transaction: granting.revoke_access(
                transaction, principal, actor, tokens=tokens, reason=reason
            )
        )

    def access_grants(
        self,
        *,
        principal: str | None = None,
        group: str | None = None,
        ended: bool = False,
        limit: int = PAGE,
        after: int = 0,
    ) -> tuple[AccessGrant, ...]:
        self._context.require(Permission.AUDIT)
        limit = at_least_one(limit)
        principal = None if principal is None else self._context.names.known(principal)
        return self._context.database.read(
            lambda transaction: granting.grants(
                transaction,
                principal=principal,
                group=group,
                ended=ended,
                limit=limit,
                after=after,
            )
        )

    def explain_access(
        self,
        principal: str,
        *,
        model: str | None = None,
        stage: str | None = None,
        permission: Permission | None = None,
    ) -> tuple[AccessAnswer, ...]:
        self._context.require(Permission.AUDIT)
        wanted = tuple(Permission) if permission is None else (permission,)
        principal = self._context.names.known(principal)
        return self._context.database.read(
            lambda transaction: granting.explain(
                transaction, principal, model=model, stage=stage, permissions=wanted
            )
        )

    def define_role(
        self,
        name: str,
        permissions: Iterable[Permission],
        *,
        stages: Iterable[str] = (),
        description: str | None = None,
    ) -> AccessRole:
        self._context.require(Permission.ADMINISTER)
        new = _valid(
            lambda: NewRole(
                name=name,
                permissions=tuple(permissions),
                stages=tuple(stages),
                description=description,
            )
        )
        actor = self._context.actor()
        return self._context.database.transaction(
            lambda transaction: roles.define_role(transaction, new, actor)
        )

    def remove_role(self, name: str) -> None:
        self._context.require(Permission.ADMINISTER)
        actor = self._context.actor()
        self._context.database.transaction(
            lambda transaction: roles.remove_role(transaction, name, actor)
        )

    def access_roles(self, *, limit: int = PAGE, after: str = "") -> tuple[AccessRole, ...]:
        self._context.require(Permission.AUDIT)
        limit = at_least_one(limit)
        return self._context.database.read(
            lambda transaction: roles.roles(transaction, limit=limit, after=after)
        )

    def create_group(self, name: str, *, description: str | None = None) -> AccessGroup:
        self._context.require(Permission.ADMINISTER)
        new = _valid(lambda: NewGroup(name=name, description=description))
        actor = self._context.actor()
        return self._context.database.transaction(
            lambda transaction: roles.create_group(transaction, new, actor)
        )

    def delete_group(self, name: str, *, reason: str | None = None) -> None:
        self._context.require(Permission.ADMINISTER)
        actor = self._context.actor()
        self._context.database.transaction(
            lambda transaction: roles.delete_group(transaction, name, actor, reason=reason)
        )

    def add_member(self, group: str, member: str) -> AccessGroup:
        self._context.require(Permission.ADMINISTER)
        actor = self._context.actor()
        member = self._context.names.of_principal(member)
        return self._context.database.transaction(
            lambda transaction: roles.add_member(transaction, group, member, actor)
        )

    def remove_member(self, group: str, member: str, *, reason: str | None = None) -> AccessGroup:
        self._context.require(Permission.ADMINISTER)
        actor = self._context.actor()
        member = self._context.names.known(member)
        return self._context.database.transaction(
            lambda transaction: roles.remove_member(
                transaction, group, member, actor, reason=reason
            )
        )

    def access_groups(self, *, limit: int = PAGE, after: str = "") -> tuple[AccessGroup, ...]:
        self._context.require(Permission.AUDIT)
        limit = at_least_one(limit)
        return self._context.database.read(
            lambda transaction: roles.groups(transaction, limit=limit, after=after)
        )

    def _grantee(self, to: str) -> str:
        return to if to.startswith(GROUP) else self._context.names.of_principal(to)

    def note_grants_used(self, grant_ids: Collection[int]) -> None:
        """Note that grants allowed something now, to the hour."""
        self._context.database.transaction(
            lambda transaction: transaction.execute(
                SQL["note_grants_used"], {"used": list(grant_ids)}
            )
        )


def _valid(make: Callable[[], T]) -> T:
    """Return a record of the caller's input.

    Raises:
        InvalidInputError: The input is not valid.
    """
    try:
        return make()
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        given = first["input"]
        raise InvalidInputError(
            first["msg"].removeprefix("Value error, "),
            field=".".join(map(str, first["loc"])),
            value=given if isinstance(given, str | int) else None,
            remedy="docs/access.md says what is valid",
        ) from error
