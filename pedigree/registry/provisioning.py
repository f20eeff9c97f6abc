"""Provisioning: users and groups as an identity provider states them by SCIM 2.0."""

from collections.abc import Callable, Iterable
from typing import TypeVar
from uuid import UUID

from pedigree._values import Key
from pedigree.access import provisioned_groups, provisioning
from pedigree.access.provisioned_groups import GroupState
from pedigree.access.provisioning import UserState
from pedigree.access.provisioning_records import (
    ProvisionedGroup,
    ProvisionedGroups,
    ProvisionedUser,
    ProvisionedUsers,
)
from pedigree.access.records import Permission
from pedigree.audit.records import Actor
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import ContextGroup

T = TypeVar("T")


class ProvisioningOperations(ContextGroup):
    """Provisioning: users and groups as an identity provider states them by SCIM 2.0.

    A user is the principal of a person, and a group is a group of access. A service offers these
    operations by SCIM alone, so no client has them.
    """

    def begin_provisioning(self) -> None:
        """Wait for other changes, so that what is read holds until the transaction ends."""
        self._context.require(Permission.PROVISION)
        self._context.database.transaction(provisioning.begin)

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
        self._context.require(Permission.PROVISION)
        name = None if name is None else self._context.names.known(name)
        return self._context.database.read(
            lambda transaction: provisioning.users(
                transaction,
                user_ids=None if user_id is None else [user_id],
                name=name,
                external_id=external_id,
                limit=limit,
                skip=skip,
            )
        )

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
        state = self._known(UserState(name, external_id, email, active))
        state = state._replace(name=self._context.names.of_principal(name))
        return self._write(
            lambda transaction, actor: provisioning.provision(transaction, state, actor)
        )

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
        state = self._known(UserState(name, external_id, email, active))
        state = state._replace(name=self._context.names.known(name))
        return self._write(
            lambda transaction, actor: provisioning.change(transaction, user_id, state, actor)
        )

    def deprovision_user(self, user_id: UUID) -> None:
        """Remove a user from the list and its groups; the person is no longer let in.

        Raises:
            PrincipalNotFoundError: There is no such user.
            OwnRightsError: The caller is that person.
        """
        self._write(lambda transaction, actor: provisioning.remove(transaction, user_id, actor))

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
        self._context.require(Permission.PROVISION)
        return self._context.database.read(
            lambda transaction: provisioned_groups.groups(
                transaction, group_id=group_id, limit=limit, skip=skip, with_members=with_members
            )
        )

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
        state = GroupState(display_name, external_id, frozenset(members))
        return self._write(
            lambda transaction, actor: provisioned_groups.provision(transaction, state, actor)
        )

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
        state = GroupState(display_name, external_id, frozenset(members))
        return self._write(
            lambda transaction, actor: provisioned_groups.change(
                transaction, group_id, state, actor
            )
        )

    def deprovision_group(self, group_id: UUID) -> None:
        """Delete a group: its members leave it, and its grants end.

        Raises:
            AccessNotFoundError: There is no such group.
            AccessInUseError: A policy names it.
            OwnRightsError: It denies something to the caller.
        """
        self._write(
            lambda transaction, actor: provisioned_groups.remove(transaction, group_id, actor)
        )

    def _known(self, state: UserState) -> UserState:
        """Return a valid user with a pseudonym instead of the e-mail."""
        self._context.require(Permission.PROVISION)
        provisioning.require_valid(state)
        email = None if state.email is None else self._context.names.pseudonym(state.email)
        return state._replace(email=email)

    def _write(self, work: Callable[[Transaction, Actor], T]) -> T:
        """Do some work that changes what is provisioned, alone."""
        self._context.require(Permission.PROVISION)
        actor = self._context.actor()

        def alone(transaction: Transaction) -> T:
            provisioning.begin(transaction)
            return work(transaction, actor)

        return self._context.database.transaction(alone)
