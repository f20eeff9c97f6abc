"""Roles and groups: define, remove and list them."""

from typing import Annotated

from pydantic import Field, JsonValue

from pedigree._record import Record, RecordPage
from pedigree.access.changes import AccessChange
from pedigree.access.grant_records import AccessGroup, AccessRole, GroupName, Patterns
from pedigree.access.records import Permission, RoleName
from pedigree.access.tokens import SQL, require_principal
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.errors import AccessNotFoundError, NameTakenError
from pedigree.postgres.pages import fetch_page
from pedigree.postgres.transaction import Transaction


class NewRole(Record):
    """A role to define."""

    name: RoleName
    permissions: Annotated[tuple[Permission, ...], Field(min_length=1)]
    stages: Patterns = ()
    description: str | None = None


class NewGroup(Record):
    """A group to create."""

    name: GroupName
    description: str | None = None


def define_role(transaction: Transaction, new: NewRole, actor: Actor) -> AccessRole:
    """Define a role, or define it differently; that holds for its grants and tokens at once.

    Raises:
        AccessInUseError: It is built in.
        OwnRightsError: The actor holds it.
        InvalidInputError: Grants of it are limited to stages, so it cannot be.
    """
    body: dict[str, JsonValue] = {
        "role": new.name,
        "permissions": [*sorted(each.value for each in set(new.permissions))],
        "stages": list(dict.fromkeys(new.stages)),
        "description": new.description,
    }
    AccessChange(transaction, actor).write(EventType.ROLE_DEFINED, body)
    return roles(transaction, name=new.name, limit=1, after="")[0]


def remove_role(transaction: Transaction, name: str, actor: Actor) -> None:
    """Remove a role that nothing names.

    Raises:
        AccessNotFoundError: There is no such role.
        AccessInUseError: Grants, tokens or policies have it, or it is built in.
    """
    if not AccessChange(transaction, actor).write(EventType.ROLE_REMOVED, {"role": name}):
        raise AccessNotFoundError(
            "there is no such role",
            field="role",
            value=name,
            remedy="`pedigree access role list` lists them",
        )


def roles(
    transaction: Transaction, *, limit: int, after: str, name: str | None = None
) -> RecordPage[AccessRole]:
    """Return a page of roles by name, the built-in ones too."""
    asked = {"limit": limit, "after": after, "name": name}
    found = fetch_page(transaction, SQL["access_roles"], asked)
    return RecordPage((AccessRole(**row) for row in found.rows), is_cut=found.is_cut)


def create_group(transaction: Transaction, new: NewGroup, actor: Actor) -> AccessGroup:
    """Create a group without members.

    Raises:
        NameTakenError: A group has the name.
    """
    body: dict[str, JsonValue] = {"group": new.name, "description": new.description}
    if not AccessChange(transaction, actor).write(EventType.GROUP_CREATED, body):
        raise NameTakenError(
            "a group has the name", field="group", value=new.name, remedy="Choose another"
        )
    return group_of(transaction, new.name)


def delete_group(transaction: Transaction, name: str, actor: Actor, *, reason: str | None) -> None:
    """Delete a group: its members leave it, and its grants end.

    Raises:
        AccessNotFoundError: There is no such group.
        AccessInUseError: A policy names it.
        OwnRightsError: It denies something to the actor.
    """
    change = AccessChange(transaction, actor)
    group = group_of(transaction, name)
    change.write(
        EventType.GROUP_DELETED,
        {"group": name, "members": list(group.members), "reason": reason},
    )


def add_member(transaction: Transaction, group: str, member: str, actor: Actor) -> AccessGroup:
    """Add a principal to a group; a member stays one.

    Raises:
        AccessNotFoundError: There is no such group.
        OwnRightsError: The actor would add themselves.
        InvalidInputError: The member is not a valid name of a principal.
    """
    require_principal(member)
    body: dict[str, JsonValue] = {"group": group, "member": member}
    AccessChange(transaction, actor).write(EventType.GROUP_MEMBER_ADDED, body)
    return group_of(transaction, group)


def remove_member(
    transaction: Transaction, group: str, member: str, actor: Actor, *, reason: str | None
) -> AccessGroup:
    """Remove a principal from a group.

    Raises:
        AccessNotFoundError: There is no such group, or it has no such member.
        OwnRightsError: The group denies something to the actor, who would leave it.
    """
    change = AccessChange(transaction, actor)
    group_of(transaction, group)
    body: dict[str, JsonValue] = {"group": group, "member": member, "reason": reason}
    if not change.write(EventType.GROUP_MEMBER_REMOVED, body):
        raise AccessNotFoundError(
            f"the group {group} has no such member",
            field="member",
            value=member,
            remedy="`pedigree access group list` lists them",
        )
    return group_of(transaction, group)


def group_of(transaction: Transaction, name: str) -> AccessGroup:
    """Return a group.

    Raises:
        AccessNotFoundError: There is no such group.
    """
    for group in groups(transaction, name=name, limit=1, after=""):
        return group
    raise AccessNotFoundError(
        "there is no such group",
        field="group",
        value=name,
        remedy="`pedigree access group list` lists them",
    )


def groups(
    transaction: Transaction, *, limit: int, after: str, name: str | None = None
) -> RecordPage[AccessGroup]:
    """Return a page of groups by name."""
    asked = {"limit": limit, "after": after, "name": name}
    found = fetch_page(transaction, SQL["access_groups"], asked)
    return RecordPage((AccessGroup(**row) for row in found.rows), is_cut=found.is_cut)
