"""Provisioning: users and groups as an identity provider states them by SCIM 2.0."""

from collections.abc import Iterable
from typing import Protocol
from uuid import UUID

from pedigree._values import Key
from pedigree.access.provisioning_records import (
    ProvisionedGroup,
    ProvisionedGroups,
    ProvisionedUser,
    ProvisionedUsers,
)


class ProvisioningContract(Protocol):
    """Provisioning: users and groups as an identity provider states them by SCIM 2.0.

    A user is the principal of a person, and a group is a group of access. A service offers these
    operations by SCIM alone, so no client has them.
    """

    def begin_provisioning(self) -> None:
        """Wait for other changes, so that what is read holds until the transaction ends."""

    def provisioned_users(
        self,
        *,
        user_id: UUID | None = None,
        name: Key | None = None,
        external_id: Key | None = None,
        limit: int,
        skip: int = 0,
    ) -> ProvisionedUsers:
        """Return users, the oldest first, and how many there are in all.

        Args:
            user_id: Only the user of this id.
            name: Only the user of this name of a principal.
            external_id: Only the user with this id of the provider.
            limit: How many at most.
            skip: How many of the first ones are left out.
        """

    def provision_user(
        self,
        name: Key,
        *,
        external_id: Key | None = None,
        email: Key | None = None,
        active: bool | None = None,
    ) -> ProvisionedUser:
        """Provision a user: a person of a new name, or one who is known by it.

        Args:
            name: The name of the principal.
            external_id: What the provider calls the user.
            email: The e-mail, by which logins find them.
            active: Whether they are let in; None: as they are.

        Raises:
            InvalidInputError: The name, the id or the e-mail is not valid.
            NameTakenError: One of them belongs to somebody else, or to a token or a workload.
            OwnRightsError: The caller is that person.
            RefusedError: The person was deactivated by an admin.
        """

    def change_user(
        self,
        user_id: UUID,
        name: Key,
        *,
        external_id: Key | None = None,
        email: Key | None = None,
        active: bool | None = None,
    ) -> ProvisionedUser:
        """Change what the provider says of a user; without them, id and e-mail are removed.

        Args:
            user_id: The id of the user.
            name: The name of the principal, which stays.
            external_id: What the provider calls the user.
            email: The e-mail, by which logins find them.
            active: Whether they are let in; None: as they are.

        Raises:
            PrincipalNotFoundError: There is no such user.
            InvalidInputError: The id or the e-mail is not valid.
            NameTakenError: One of them belongs to somebody else, or to a token or a workload.
            OwnRightsError: The caller is that person.
            RefusedError: The name is another one, or the person was deactivated by an admin.
        """

    def deprovision_user(self, user_id: UUID) -> None:
        """Remove a user from the list and its groups; the person is no longer let in.

        Raises:
            PrincipalNotFoundError: There is no such user.
            OwnRightsError: The caller is that person.
        """

    def provisioned_groups(
        self,
        *,
        group_id: UUID | None = None,
        limit: int,
        skip: int = 0,
        with_members: bool = True,
    ) -> ProvisionedGroups:
        """Return groups, the oldest first, and how many there are in all.

        Args:
            group_id: Only the group of this id.
            limit: How many at most; fewer if they have very many members.
            skip: How many of the first ones are left out.
            with_members: Whether to read their members.
        """

    def provision_group(
        self, display_name: Key, *, external_id: Key | None = None, members: Iterable[UUID] = ()
    ) -> ProvisionedGroup:
        """Provision a group of access, whose name is made of what the provider calls it.

        Args:
            display_name: What the provider calls it.
            external_id: The provider's id.
            members: The ids of its users.

        Raises:
            InvalidInputError: The name or the id is not valid, or a member is no user.
            NameTakenError: A group has the name.
            OwnRightsError: The caller would add themselves.
            TooLargeError: It has too many members.
        """

    def change_group(
        self,
        group_id: UUID,
        display_name: Key,
        *,
        external_id: Key | None = None,
        members: Iterable[UUID] = (),
    ) -> ProvisionedGroup:
        """Change what the provider says of a group; its name stays.

        Args:
            group_id: The id of the group.
            display_name: What the provider calls it.
            external_id: The provider's id.
            members: The ids of all its users.

        Raises:
            AccessNotFoundError: There is no such group.
            InvalidInputError: The name or the id is not valid, or a member is no user.
            OwnRightsError: The caller would add themselves.
            TooLargeError: It has too many members, or too many of them change at once.
        """

    def deprovision_group(self, group_id: UUID) -> None:
        """Delete a group: its members leave it, and its grants end.

        Raises:
            AccessNotFoundError: There is no such group.
            AccessInUseError: A policy names it.
            OwnRightsError: It denies something to the caller.
        """
