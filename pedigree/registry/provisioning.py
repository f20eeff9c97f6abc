"""Provisioning: users and groups as an identity provider states them by SCIM 2.0."""

from collections.abc import Callable, Iterable
from typing import TypeVar
from uuid import UUID

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
from pedigree.contract.provisioning import ProvisioningContract
from pedigree.postgres.transaction import Transaction
from pedigree.registry.context import ContextGroup

T = TypeVar("T")


class ProvisioningOperations(ContextGroup, ProvisioningContract):
    """Provisioning: users and groups as an identity provider states them by SCIM 2.0."""

    def begin_provisioning(self) -> None:
        self._context.require(Permission.PROVISION)
        self._context.database.transaction(provisioning.begin)

    def provisioned_users(
        self,
        *,
        user_id: UUID | None = None,
        name: str | None = None,
        external_id: str | None = None,
        limit: int,
        skip: int = 0,
    ) -> ProvisionedUsers:
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
        name: str,
        *,
        external_id: str | None = None,
        email: str | None = None,
        active: bool | None = None,
    ) -> ProvisionedUser:
        state = self._known(UserState(name, external_id, email, active))
        state = state._replace(name=self._context.names.of_principal(name))
        return self._write(
            lambda transaction, actor: provisioning.provision(transaction, state, actor)
        )

    def change_user(
        self,
        user_id: UUID,
        name: str,
        *,
        external_id: str | None = None,
        email: str | None = None,
        active: bool | None = None,
    ) -> ProvisionedUser:
        state = self._known(UserState(name, external_id, email, active))
        state = state._replace(name=self._context.names.known(name))
        return self._write(
            lambda transaction, actor: provisioning.change(transaction, user_id, state, actor)
        )

    def deprovision_user(self, user_id: UUID) -> None:
        self._write(lambda transaction, actor: provisioning.remove(transaction, user_id, actor))

    def provisioned_groups(
        self,
        *,
        group_id: UUID | None = None,
        limit: int,
        skip: int = 0,
        with_members: bool = True,
    ) -> ProvisionedGroups:
        self._context.require(Permission.PROVISION)
        return self._context.database.read(
            lambda transaction: provisioned_groups.groups(
                transaction, group_id=group_id, limit=limit, skip=skip, with_members=with_members
            )
        )

    def provision_group(
        self, display_name: str, *, external_id: str | None = None, members: Iterable[UUID] = ()
    ) -> ProvisionedGroup:
        state = GroupState(display_name, external_id, frozenset(members))
        return self._write(
            lambda transaction, actor: provisioned_groups.provision(transaction, state, actor)
        )

    def change_group(
        self,
        group_id: UUID,
        display_name: str,
        *,
        external_id: str | None = None,
        members: Iterable[UUID] = (),
    ) -> ProvisionedGroup:
        state = GroupState(display_name, external_id, frozenset(members))
        return self._write(
            lambda transaction, actor: provisioned_groups.change(
                transaction, group_id, state, actor
            )
        )

    def deprovision_group(self, group_id: UUID) -> None:
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
