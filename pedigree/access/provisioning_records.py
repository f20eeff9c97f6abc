"""Users and groups that an identity provider provisions by SCIM 2.0."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from pedigree._record import Record

MOST_MEMBERS = 5_000
"""The most members of a provisioned group."""

MOST_MEMBER_CHANGES = 1_000
"""The most members that one request adds to a group or removes from it."""


class ProvisionedUser(Record):
    """A person whom an identity provider provisions."""

    user_id: UUID
    name: str = Field(description="The name of the principal")
    external_id: str | None = Field(description="What the provider calls the user")
    email: str | None
    active: bool = Field(description="Whether the person is let in")
    created_at: datetime
    modified_at: datetime


class ProvisionedMember(Record):
    """A user in a group."""

    user_id: UUID
    name: str = Field(description="The name of the principal")


class ProvisionedGroup(Record):
    """A group of principals that an identity provider provisions."""

    group_id: UUID
    group: str = Field(description="The name of the group of access")
    display_name: str = Field(description="What the provider calls it")
    external_id: str | None
    members: tuple[ProvisionedMember, ...]
    created_at: datetime
    modified_at: datetime


class ProvisionedUsers(Record):
    """A part of the list of users."""

    total: int = Field(description="How many users there are in all")
    users: tuple[ProvisionedUser, ...]


class ProvisionedGroups(Record):
    """A part of the list of groups."""

    total: int = Field(description="How many groups there are in all")
    groups: tuple[ProvisionedGroup, ...]
