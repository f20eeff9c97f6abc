"""Roles, groups and grants: who may do what."""

from datetime import timedelta
from typing import Annotated

from fastapi import Path, Query
from pydantic import Field, StrictBool
from starlette.responses import Response

from pedigree._record import NUMBER, Record
from pedigree.access.grant_records import (
    AccessAnswer,
    AccessGrant,
    AccessGroup,
    AccessRole,
    EndedAccess,
    GroupName,
    Patterns,
)
from pedigree.access.records import Permission, RoleName
from pedigree.contract import paths
from pedigree.server.http.auth import requires
from pedigree.server.http.pages import Page
from pedigree.server.http.parameters import DIGITS, AfterId, Limit
from pedigree.server.http.requests import ReadCall, WriteCall
from pedigree.server.http.resources import resource

router = resource("access")

_LONGEST_S = 100 * 366 * 86_400

Grantee = Annotated[str, Field(min_length=1, max_length=256)]
Reason = Annotated[str | None, Query(max_length=10_000, description="Why")]
GrantId = Annotated[int, Path(ge=1, lt=2**63, description="The id of a grant"), DIGITS]
RoleInPath = Annotated[str, Path(min_length=1, max_length=64, description="The name of a role")]
GroupInPath = Annotated[str, Path(min_length=1, max_length=128, description="The name of a group")]
AfterName = Annotated[str, Query(max_length=256, description="The last name of the previous page")]


class GrantRequest(Record):
    """A grant to create."""

    role: RoleName
    to: Grantee = Field(description="A principal such as ann@risk.example, or group:risk")
    models: Patterns = Field(
        default=(), description="Names of models or patterns such as churn*; all models when empty"
    )
    stages: Patterns = Field(
        default=(), description="Names of stages or patterns; all stages when empty"
    )
    deny: StrictBool = Field(default=False, description="Deny what the role permits")
    expires_s: Annotated[int, Field(ge=1, le=_LONGEST_S), NUMBER] | None = Field(
        default=None, description="How many seconds it holds; without limit when null"
    )
    reason: str | None = Field(default=None, max_length=10_000)


class Revocation(Record):
    """The end of all that a principal is allowed."""

    principal: Grantee
    tokens: StrictBool = Field(default=False, description="Revoke their tokens as well")
    reason: str | None = Field(default=None, max_length=10_000)


class RoleDefinition(Record):
    """What a role permits."""

    permissions: Annotated[tuple[Permission, ...], Field(min_length=1, max_length=len(Permission))]
    stages: Patterns = Field(
        default=(),
        description="Stages to which moves, decisions and requests are limited; all when empty",
    )
    description: str | None = Field(default=None, max_length=10_000)


class GroupCreation(Record):
    """A group to create."""

    name: GroupName
    description: str | None = Field(default=None, max_length=10_000)


class Membership(Record):
    """A member of a group."""

    member: Grantee


@router.post(paths.GRANTS, status_code=201, responses={201: {"model": AccessGrant}})
@requires(Permission.ADMINISTER)
def grant_access(call: WriteCall, new: GrantRequest) -> Response:
    """Grant a role to a principal or a group, or deny it; nobody grants one to themselves."""
    expires = None if new.expires_s is None else timedelta(seconds=new.expires_s)
    return call.write(
        lambda registry: registry.grant_access(
            new.role,
            new.to,
            models=new.models,
            stages=new.stages,
            deny=new.deny,
            expires=expires,
            reason=new.reason,
        ),
        status=201,
    )


@router.get(paths.GRANTS, responses={200: {"model": Page[AccessGrant]}})
@requires(Permission.AUDIT)
def list_grants(
    call: ReadCall,
    *,
    principal: Annotated[
        str | None, Query(min_length=1, max_length=256, description="Only those of this principal")
    ] = None,
    group: Annotated[
        str | None, Query(min_length=1, max_length=128, description="Only those of this group")
    ] = None,
    ended: Annotated[bool, Query(description="Also those that ended or expired")] = False,
    limit: Limit = 100,
    after: AfterId = 0,
) -> Response:
    """List grants with their last use, the oldest first."""
    found = call.registry.access_grants(
        principal=principal, group=group, ended=ended, limit=limit + 1, after=after
    )
    return call.page(found, limit, lambda grant: grant.grant_id)


@router.delete(paths.GRANT, responses={200: {"model": AccessGrant}})
@requires(Permission.ADMINISTER)
def end_grant(call: WriteCall, grant_id: GrantId, reason: Reason = None) -> Response:
    """End a grant; the service knows within a second."""
    return call.write(lambda registry: registry.end_grant(grant_id, reason=reason))


@router.post(paths.REVOCATIONS, responses={200: {"model": EndedAccess}})
@requires(Permission.ADMINISTER)
def revoke_access(call: WriteCall, wanted: Revocation) -> Response:
    """End all that a principal is allowed; what is denied to them stays denied."""
    return call.write(
        lambda registry: registry.revoke_access(
            wanted.principal, tokens=wanted.tokens, reason=wanted.reason
        )
    )


@router.get(paths.ACCESS_EXPLANATION, responses={200: {"model": Page[AccessAnswer]}})
@requires(Permission.AUDIT)
def explain_access(
    call: ReadCall,
    principal: Annotated[str, Query(min_length=1, max_length=256, description="The principal")],
    model: Annotated[
        str | None, Query(min_length=1, max_length=256, description="Every model if left out")
    ] = None,
    stage: Annotated[
        str | None, Query(min_length=1, max_length=256, description="Every stage if left out")
    ] = None,
    permission: Annotated[
        Permission | None, Query(description="All permissions if left out")
    ] = None,
) -> Response:
    """Return whether a principal may do something, and by which grants or tokens."""
    found = call.registry.explain_access(principal, model=model, stage=stage, permission=permission)
    return call.paged({"items": found, "next": None}, None)


@router.get(paths.ROLES, responses={200: {"model": Page[AccessRole]}})
@requires(Permission.AUDIT)
def list_roles(call: ReadCall, limit: Limit = 100, after: AfterName = "") -> Response:
    """List the roles by name, with the built-in ones."""
    found = call.registry.access_roles(limit=limit + 1, after=after)
    return call.page(found, limit, lambda role: role.name)


@router.put(paths.ROLE, responses={200: {"model": AccessRole}})
@requires(Permission.ADMINISTER)
def define_role(call: WriteCall, role: RoleInPath, wanted: RoleDefinition) -> Response:
    """Define a role, or define it differently: its grants and tokens change at once."""
    return call.write(
        lambda registry: registry.define_role(
            role, wanted.permissions, stages=wanted.stages, description=wanted.description
        )
    )


@router.delete(paths.ROLE, status_code=204)
@requires(Permission.ADMINISTER)
def remove_role(call: WriteCall, role: RoleInPath) -> Response:
    """Remove a role that no grant, no token and no policy names."""
    return call.write(lambda registry: registry.remove_role(role))


@router.get(paths.GROUPS, responses={200: {"model": Page[AccessGroup]}})
@requires(Permission.AUDIT)
def list_groups(call: ReadCall, limit: Limit = 100, after: AfterName = "") -> Response:
    """List the groups by name, with their members."""
    found = call.registry.access_groups(limit=limit + 1, after=after)
    return call.page(found, limit, lambda group: group.name)


@router.post(paths.GROUPS, status_code=201, responses={201: {"model": AccessGroup}})
@requires(Permission.ADMINISTER)
def create_group(call: WriteCall, new: GroupCreation) -> Response:
    """Create a group of principals."""
    return call.write(
        lambda registry: registry.create_group(new.name, description=new.description), status=201
    )


@router.delete(paths.GROUP, status_code=204)
@requires(Permission.ADMINISTER)
def delete_group(call: WriteCall, group: GroupInPath, reason: Reason = None) -> Response:
    """Delete a group: its members leave it, and its grants end."""
    return call.write(lambda registry: registry.delete_group(group, reason=reason))


@router.post(paths.GROUP_MEMBERS, responses={200: {"model": AccessGroup}})
@requires(Permission.ADMINISTER)
def add_member(call: WriteCall, group: GroupInPath, new: Membership) -> Response:
    """Add a principal to a group; nobody adds themselves."""
    return call.write(lambda registry: registry.add_member(group, new.member))


@router.delete(paths.GROUP_MEMBERS, responses={200: {"model": AccessGroup}})
@requires(Permission.ADMINISTER)
def remove_member(
    call: WriteCall,
    group: GroupInPath,
    member: Annotated[str, Query(min_length=1, max_length=256, description="The principal")],
    reason: Reason = None,
) -> Response:
    """Remove a principal from a group."""
    return call.write(lambda registry: registry.remove_member(group, member, reason=reason))
