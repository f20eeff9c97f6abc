"""Roles, groups and grants: who may do what."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Protocol

from pedigree._record import PAGE
from pedigree._values import Key
from pedigree.access.grant_records import (
    AccessAnswer,
    AccessGrant,
    AccessGroup,
    AccessRole,
    EndedAccess,
)
from pedigree.access.records import Permission


class AccessContract(Protocol):
    """Roles, groups and grants: who may do what."""

    def grant_access(
        self,
        role: str,
        to: Key,
        *,
        models: Iterable[str] = (),
        stages: Iterable[str] = (),
        deny: bool = False,
        expires: timedelta | None = None,
        reason: str | None = None,
    ) -> AccessGrant:
        """Grant a role to a principal or a group, or deny it. The service knows within a second.

        Args:
            role: The name of the role.
            to: A principal such as ``ann@risk.example``, or a group as ``group:risk``.
            models: Names of models or patterns such as ``churn*``; all models when empty.
            stages: Names of stages or patterns; all stages when empty. With stages, the grant
                concerns moves, decisions and requests alone, and reading.
            deny: Deny what the role permits; that overrides every allowance.
            expires: How long it holds; without limit when None.
            reason: Why.

        Raises:
            OwnRightsError: The grant would be the caller's own, also by a group.
            AccessNotFoundError: There is no such role or group.
            InvalidInputError: The name is not valid, or the role has stages of its own.
        """

    def end_grant(self, grant_id: int, *, reason: str | None = None) -> AccessGrant:
        """End a grant; one that has ended stays unchanged. The service knows within a second.

        Raises:
            AccessNotFoundError: There is no such grant.
            OwnRightsError: The grant denies something to the caller.
        """

    def revoke_access(
        self, principal: Key, *, tokens: bool = False, reason: str | None = None
    ) -> EndedAccess:
        """End all that a principal is allowed: grants and groups. What is denied stays denied.

        Args:
            principal: The principal.
            tokens: Revoke their tokens as well.
            reason: Why.
        """

    def access_grants(
        self,
        *,
        principal: Key | None = None,
        group: Key | None = None,
        ended: bool = False,
        limit: int = PAGE,
        after: int = 0,
    ) -> tuple[AccessGrant, ...]:
        """Return a page of grants with their last use, the oldest first.

        Args:
            principal: Only those of this principal, without those of groups.
            group: Only those of this group.
            ended: Also those that ended or expired.
            limit: How many at most.
            after: The last ``grant_id`` of the previous page.
        """

    def explain_access(
        self,
        principal: Key,
        *,
        model: str | None = None,
        stage: str | None = None,
        permission: Permission | None = None,
    ) -> tuple[AccessAnswer, ...]:
        """Return whether a principal may do something by grants and valid tokens, and why.

        Args:
            principal: The principal.
            model: The model; every model when None.
            stage: The stage; every stage when None.
            permission: The permission; all permissions when None.
        """

    def define_role(
        self,
        name: str,
        permissions: Iterable[Permission],
        *,
        stages: Iterable[str] = (),
        description: str | None = None,
    ) -> AccessRole:
        """Define a role, or define it differently: its grants and tokens change at once.

        Args:
            name: Lower-case letters, digits, ``_`` and ``-``.
            permissions: What it permits.
            stages: Stages or patterns to which what concerns a stage is limited; all when empty.
            description: What it is for.

        Raises:
            AccessInUseError: It is built in.
            OwnRightsError: The caller holds it.
            InvalidInputError: The name is not valid, or grants of it have stages.
        """

    def remove_role(self, name: str) -> None:
        """Remove a role that no grant, no token and no policy names.

        Raises:
            AccessNotFoundError: There is no such role.
            AccessInUseError: Something names it, or it is built in.
        """

    def access_roles(self, *, limit: int = PAGE, after: str = "") -> tuple[AccessRole, ...]:
        """Return a page of the roles by name, with the built-in ones.

        Args:
            limit: How many at most.
            after: The last name of the previous page.
        """

    def create_group(self, name: str, *, description: str | None = None) -> AccessGroup:
        """Create a group of principals.

        Args:
            name: Lower-case letters, digits, ``.``, ``_`` and ``-``.
            description: What it is for.

        Raises:
            NameTakenError: A group has the name.
            InvalidInputError: The name is not valid.
        """

    def delete_group(self, name: str, *, reason: str | None = None) -> None:
        """Delete a group: its members leave it, and its grants end.

        Raises:
            AccessNotFoundError: There is no such group.
            AccessInUseError: A policy names it.
            OwnRightsError: It denies something to the caller.
        """

    def add_member(self, group: str, member: Key) -> AccessGroup:
        """Add a principal to a group.

        Raises:
            AccessNotFoundError: There is no such group.
            OwnRightsError: The caller would add themselves.
        """

    def remove_member(self, group: str, member: Key, *, reason: str | None = None) -> AccessGroup:
        """Remove a principal from a group.

        Raises:
            AccessNotFoundError: There is no such group, or it has no such member.
            OwnRightsError: The group denies something to the caller, who would leave it.
        """

    def access_groups(self, *, limit: int = PAGE, after: str = "") -> tuple[AccessGroup, ...]:
        """Return a page of the groups by name, with their members.

        Args:
            limit: How many at most.
            after: The last name of the previous page.
        """
