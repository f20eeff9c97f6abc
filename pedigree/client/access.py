"""Roles, groups and grants: who may do what."""

from collections.abc import Iterable
from datetime import timedelta

from pedigree._record import PAGE
from pedigree.access.grant_records import (
    AccessAnswer,
    AccessGrant,
    AccessGroup,
    AccessRole,
    EndedAccess,
)
from pedigree.access.records import Permission
from pedigree.client.service import Page, ServiceGroup
from pedigree.contract import paths
from pedigree.contract.access import AccessContract
from pedigree.contract.paths import fill


class RemoteAccess(ServiceGroup, AccessContract):
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
        new = {
            "role": role,
            "to": to,
            "models": tuple(models),
            "stages": tuple(stages),
            "deny": deny,
            "expires_s": None if expires is None else int(expires.total_seconds()),
            "reason": reason,
        }
        return self._service.write(AccessGrant, "POST", paths.GRANTS, new)

    def end_grant(self, grant_id: int, *, reason: str | None = None) -> AccessGrant:
        path = fill(paths.GRANT, grant_id=grant_id)
        return self._service.write(AccessGrant, "DELETE", path, reason=reason)

    def revoke_access(
        self, principal: str, *, tokens: bool = False, reason: str | None = None
    ) -> EndedAccess:
        wanted = {"principal": principal, "tokens": tokens, "reason": reason}
        return self._service.write(EndedAccess, "POST", paths.REVOCATIONS, wanted)

    def access_grants(
        self,
        *,
        principal: str | None = None,
        group: str | None = None,
        ended: bool = False,
        limit: int = PAGE,
        after: int = 0,
    ) -> tuple[AccessGrant, ...]:
        return self._service.items(
            AccessGrant,
            paths.GRANTS,
            limit=limit,
            after=after,
            principal=principal,
            group=group,
            ended=ended,
        )

    def explain_access(
        self,
        principal: str,
        *,
        model: str | None = None,
        stage: str | None = None,
        permission: Permission | None = None,
    ) -> tuple[AccessAnswer, ...]:
        asked = {"principal": principal, "model": model, "stage": stage, "permission": permission}
        return self._service.read(Page[AccessAnswer], paths.ACCESS_EXPLANATION, **asked).items

    def define_role(
        self,
        name: str,
        permissions: Iterable[Permission],
        *,
        stages: Iterable[str] = (),
        description: str | None = None,
    ) -> AccessRole:
        new = {
            "permissions": tuple(permissions),
            "stages": tuple(stages),
            "description": description,
        }
        return self._service.write(AccessRole, "PUT", fill(paths.ROLE, role=name), new)

    def remove_role(self, name: str) -> None:
        self._service.do("DELETE", fill(paths.ROLE, role=name))

    def access_roles(self, *, limit: int = PAGE, after: str = "") -> tuple[AccessRole, ...]:
        return self._service.items(AccessRole, paths.ROLES, limit=limit, after=after)

    def create_group(self, name: str, *, description: str | None = None) -> AccessGroup:
        new = {"name": name, "description": description}
        return self._service.write(AccessGroup, "POST", paths.GROUPS, new)

    def delete_group(self, name: str, *, reason: str | None = None) -> None:
        self._service.do("DELETE", fill(paths.GROUP, group=name), reason=reason)

    def add_member(self, group: str, member: str) -> AccessGroup:
        path = fill(paths.GROUP_MEMBERS, group=group)
        return self._service.write(AccessGroup, "POST", path, {"member": member})

    def remove_member(self, group: str, member: str, *, reason: str | None = None) -> AccessGroup:
        path = fill(paths.GROUP_MEMBERS, group=group)
        return self._service.write(AccessGroup, "DELETE", path, member=member, reason=reason)

    def access_groups(self, *, limit: int = PAGE, after: str = "") -> tuple[AccessGroup, ...]:
        return self._service.items(AccessGroup, paths.GROUPS, limit=limit, after=after)
