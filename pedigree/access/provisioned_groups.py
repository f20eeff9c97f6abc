"""Groups that an identity provider provisions by SCIM 2.0: each is a group of access.

A group keeps its name for as long as it exists, whatever the provider calls it later, because
policies and grants name it.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from pydantic import JsonValue

from pedigree.access import roles
from pedigree.access.changes import AccessChange
from pedigree.access.people_changes import apply_change
from pedigree.access.provisioning import require_shown, users
from pedigree.access.provisioning_records import (
    MOST_MEMBER_CHANGES,
    MOST_MEMBERS,
    ProvisionedGroup,
    ProvisionedGroups,
    ProvisionedMember,
)
from pedigree.access.roles import NewGroup
from pedigree.access.tokens import SQL
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.errors import (
    AccessNotFoundError,
    InvalidInputError,
    PedigreeError,
    TooLargeError,
)
from pedigree.postgres.transaction import Row, Transaction

_LONGEST_NAME = 128
# All members that one list may have; a group alone may have as many as it is allowed to.
_MOST_LISTED = 2 * MOST_MEMBERS
_BY_SCIM = "removed by SCIM"


class GroupState(NamedTuple):
    """What a provider says of a group.

    Attributes:
        display_name: What the provider calls it.
        external_id: The provider's id.
        members: The ids of its users.
    """

    display_name: str
    external_id: str | None
    members: frozenset[UUID]


def group_name(display_name: str) -> str:
    """Return the name of the group of access for what a provider calls it.

    >>> group_name("Model Risk (EU)"), group_name("ml_deployers")
    ('model-risk-eu', 'ml_deployers')

    Raises:
        InvalidInputError: It has no letter and no digit of ASCII.
    """
    folded = unicodedata.normalize("NFKC", display_name).lower()
    name = re.sub(r"[^a-z0-9._]+", "-", folded).strip("-._")[:_LONGEST_NAME].rstrip("-._")
    if not name:
        raise InvalidInputError(
            "has no letter and no digit of which a name could be made",
            field="displayName",
            value=display_name,
            remedy="Use letters from a to z and digits",
        )
    return name


def groups(
    transaction: Transaction,
    *,
    group_id: UUID | None = None,
    limit: int,
    skip: int = 0,
    with_members: bool = True,
) -> ProvisionedGroups:
    """Return groups, the oldest first; the list ends early where it has very many members.

    The total counts all groups, whatever is asked for.
    """
    asked = {"group_id": group_id, "limit": limit, "skip": skip}
    rows = transaction.execute(SQL["provisioned_groups"], asked).fetchall()
    total = transaction.execute(SQL["count_groups"]).fetchall()[0]["total"]
    found = _with_members(transaction, rows) if with_members else (_group(row) for row in rows)
    return ProvisionedGroups(total=total, groups=tuple(found))


def group_of(transaction: Transaction, group_id: UUID) -> ProvisionedGroup:
    """Return a group with its members.

    Raises:
        AccessNotFoundError: There is none of this id.
    """
    for group in groups(transaction, group_id=group_id, limit=1).groups:
        return group
    raise _unknown(group_id)


def provision(transaction: Transaction, state: GroupState, actor: Actor) -> ProvisionedGroup:
    """Provision a new group with its members.

    Raises:
        InvalidInputError: The display name is not valid, or a member is no user.
        NameTakenError: A group has the name, by whomever it was made.
        OwnRightsError: The actor would add themselves.
        TooLargeError: It has too many members.
    """
    _require_texts(state)
    name, group_id = group_name(state.display_name), uuid4()
    roles.create_group(transaction, NewGroup(name=name, description=state.display_name), actor)
    values = {
        "group_id": group_id,
        "group": name,
        "display_name": state.display_name,
        "external_id": state.external_id,
    }
    apply_change(transaction, SQL["provision_group"], actor, values, _refusal)
    _set_members(transaction, group_of(transaction, group_id), state.members, actor)
    return group_of(transaction, group_id)


def change(
    transaction: Transaction, group_id: UUID, state: GroupState, actor: Actor
) -> ProvisionedGroup:
    """Change what the provider says of a group; its name stays.

    Raises:
        AccessNotFoundError: There is no such group.
        InvalidInputError: The display name is not valid, or a member is no user.
        OwnRightsError: The actor would add themselves.
        TooLargeError: It has too many members, or too many of them change at once.
    """
    _require_texts(state)
    values = {
        "group_id": group_id,
        "display_name": state.display_name,
        "external_id": state.external_id,
    }
    group = group_of(transaction, group_id)
    _set_members(transaction, group, state.members, actor)
    apply_change(transaction, SQL["change_group"], actor, values, _refusal)
    return group_of(transaction, group_id)


def remove(transaction: Transaction, group_id: UUID, actor: Actor) -> None:
    """Delete a group: its members leave it, and its grants end.

    Raises:
        AccessNotFoundError: There is no such group.
        AccessInUseError: A policy names it.
        OwnRightsError: It denies something to the actor.
    """
    group = group_of(transaction, group_id)
    roles.delete_group(transaction, group.group, actor, reason=_BY_SCIM)


def _set_members(
    transaction: Transaction, group: ProvisionedGroup, wanted: frozenset[UUID], actor: Actor
) -> None:
    known = {each.user_id: each.name for each in group.members}
    added, removed = wanted - known.keys(), known.keys() - wanted
    _require_few(len(wanted), MOST_MEMBERS, "a group has at most")
    _require_few(len(added) + len(removed), MOST_MEMBER_CHANGES, "one request changes at most")
    named = {
        each.user_id: each.name
        for each in users(transaction, user_ids=sorted(added), limit=len(added)).users
    }
    for user_id in sorted(added - named.keys()):
        raise InvalidInputError(
            "there is no such user; a member is a user, and no group",
            field="members",
            value=str(user_id),
            remedy="Provision the user first",
        )
    change = AccessChange(transaction, actor)
    for name in sorted(known[each] for each in removed):
        body: dict[str, JsonValue] = {"group": group.group, "member": name, "reason": _BY_SCIM}
        change.write(EventType.GROUP_MEMBER_REMOVED, body)
    for name in sorted(named.values()):
        body = {"group": group.group, "member": name, "provisioned": True}
        change.write(EventType.GROUP_MEMBER_ADDED, body)


def _with_members(transaction: Transaction, rows: Sequence[Row]) -> Iterator[ProvisionedGroup]:
    """Yield groups with their members, until further ones would have too many."""
    asked = {"groups": [row["group"] for row in rows], "limit": _MOST_LISTED + MOST_MEMBERS}
    listed = transaction.execute(SQL["provisioned_members"], asked).fetchall()
    members: dict[str, list[ProvisionedMember]] = {}
    for each in listed:
        member = ProvisionedMember(user_id=each["user_id"], name=each["name"])
        members.setdefault(each["group"], []).append(member)
    free = _MOST_LISTED
    for place, row in enumerate(rows):
        own = members.get(row["group"], [])
        free -= len(own)
        if place and free < 0:
            return
        yield _group(row, own)


def _group(row: Row, members: Iterable[ProvisionedMember] = ()) -> ProvisionedGroup:
    return ProvisionedGroup(**row, members=tuple(members))


def _require_texts(state: GroupState) -> None:
    require_shown([("displayName", state.display_name), ("externalId", state.external_id)])


def _require_few(number: int, most: int, what: str) -> None:
    if number > most:
        raise TooLargeError(
            f"{what} {most:,} members",
            field="members",
            value=number,
            remedy="Send fewer at a time, or provision smaller groups",
        )


def _refusal(_: str, values: Mapping[str, Any]) -> PedigreeError:
    return _unknown(values["group_id"])


def _unknown(group_id: UUID) -> AccessNotFoundError:
    return AccessNotFoundError(
        "there is no such group",
        field="id",
        value=str(group_id),
        remedy="List the groups: an admin may have deleted it",
    )
