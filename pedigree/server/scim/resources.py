"""The resources of SCIM that we serve: the attributes of a user and of a group.

They are fewer than the RFC has. What a registry does not need, such as a phone number or a
password, is dropped when it is read, and never stored.
"""

from typing import Annotated, Any

from scim2_models import (
    URN,
    CaseExact,
    ComplexAttribute,
    Meta,
    Mutability,
    Required,
    Resource,
    ScimPolicy,
    Uniqueness,
)

from pedigree.access.provisioning_records import ProvisionedGroup, ProvisionedUser
from pedigree.contract import paths

# Providers send attributes that we do not have, values with a removal, and paths that no value
# matches: Microsoft Entra ID does all three.
POLICY = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)
_WORK = "work"


class Email(ComplexAttribute):
    """An e-mail of a user."""

    value: str | None = None
    type: str | None = None
    primary: bool | None = None


class User(Resource[Any]):
    """A person who may act in the registry."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:User")

    user_name: Annotated[str | None, Required.true, Uniqueness.server, Mutability.immutable] = None
    active: bool | None = None
    emails: list[Email] | None = None

    @property
    def email(self) -> str | None:
        """The e-mail that is kept: of work rather than of another kind, and the primary one."""
        given = [each for each in self.emails or () if each.value]
        best = max(given, key=lambda each: (each.type == _WORK, bool(each.primary)), default=None)
        return None if best is None else best.value


class Member(ComplexAttribute):
    """A user in a group."""

    value: Annotated[str | None, Mutability.immutable, CaseExact.true] = None
    display: str | None = None


class Group(Resource[Any]):
    """A group of users to which policies and grants give rights."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:Group")

    display_name: Annotated[str | None, Required.true, Uniqueness.server] = None
    members: list[Member] | None = None


def user_shown(user: ProvisionedUser, prefix: str) -> User:
    """Return a user as SCIM shows it.

    Args:
        user: The user.
        prefix: What a proxy puts before the paths of the service.
    """
    location = prefix + paths.fill(paths.SCIM_USER, user_id=user.user_id)
    email = user.email
    return User(
        id=str(user.user_id),
        external_id=user.external_id,
        user_name=user.name,
        active=user.active,
        emails=None if email is None else [Email(value=email, type=_WORK, primary=True)],
        meta=Meta(
            resource_type="User",
            created=user.created_at,
            last_modified=user.modified_at,
            location=location,
        ),
    )


def group_shown(group: ProvisionedGroup, prefix: str) -> Group:
    """Return a group as SCIM shows it.

    Args:
        group: The group.
        prefix: What a proxy puts before the paths of the service.
    """
    location = prefix + paths.fill(paths.SCIM_GROUP, group_id=group.group_id)
    return Group(
        id=str(group.group_id),
        external_id=group.external_id,
        display_name=group.display_name,
        members=[Member(value=str(each.user_id), display=each.name) for each in group.members]
        or None,
        meta=Meta(
            resource_type="Group",
            created=group.created_at,
            last_modified=group.modified_at,
            location=location,
        ),
    )
