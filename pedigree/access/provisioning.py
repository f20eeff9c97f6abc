"""Users whom an identity provider provisions by SCIM 2.0: each is the principal of a person.

The database decides whose name is free, and returns the events of what it changed, which are
written here in the same transaction.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, LiteralString, NamedTuple
from uuid import UUID, uuid4

from pedigree.access.changes import AccessChange
from pedigree.access.oidc.identities import is_name
from pedigree.access.people_changes import apply_change
from pedigree.access.provisioning_records import ProvisionedUser, ProvisionedUsers
from pedigree.access.tokens import SQL, require_principal
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.errors import (
    InvalidInputError,
    NameTakenError,
    OwnRightsError,
    PedigreeError,
    PrincipalNotFoundError,
    RefusedError,
)
from pedigree.postgres.transaction import Transaction

_BY_SCIM = "removed by SCIM"


class UserState(NamedTuple):
    """What a provider says of a user.

    Attributes:
        name: The name of the principal.
        external_id: What the provider calls them.
        email: Their e-mail, by which logins find them.
        active: Whether they are let in; None leaves that as it is.
    """

    name: str
    external_id: str | None
    email: str | None
    active: bool | None


class _RefusedUser(NamedTuple):
    """Why the database refuses a change of a user."""

    error: type[PedigreeError]
    message: str
    field: str
    remedy: str


_REASONS: Mapping[str, _RefusedUser] = {
    "taken": _RefusedUser(
        NameTakenError,
        "the name is provisioned already, or belongs to a token, a workload or a service",
        "userName",
        "Provision the person by another name; `pedigree access link` says that both are one",
    ),
    "e-mail": _RefusedUser(
        NameTakenError,
        "the e-mail is the name of a token, a workload or a service",
        "emails",
        "Provision the person by another e-mail, or by none",
    ),
    "external": _RefusedUser(
        NameTakenError,
        "another user has this external id",
        "externalId",
        "Remove the other user first",
    ),
    "renamed": _RefusedUser(
        RefusedError,
        "the name of a user does not change, because events and approvals name it",
        "userName",
        "Provision a user of the new name; `pedigree access link` says that both are one person",
    ),
    "oneself": _RefusedUser(
        OwnRightsError,
        "nobody changes who they are themselves",
        "userName",
        "Let the provider use a token of its own",
    ),
    "deactivated": _RefusedUser(
        RefusedError,
        "the person was deactivated by an admin, who alone lets them in again",
        "active",
        "Run `pedigree access reactivate`, or leave the user inactive",
    ),
    "unknown": _RefusedUser(
        PrincipalNotFoundError,
        "there is no such user",
        "id",
        "List the users: the provider may have removed it",
    ),
}


def users(
    transaction: Transaction,
    *,
    user_ids: Sequence[UUID] | None = None,
    name: str | None = None,
    external_id: str | None = None,
    limit: int,
    skip: int = 0,
) -> ProvisionedUsers:
    """Return users, the oldest first; only those of the ids, the name or the external id if given.

    The total counts all users, whatever is asked for.
    """
    asked = {
        "user_ids": None if user_ids is None else list(user_ids),
        "name": name,
        "external_id": external_id,
        "limit": limit,
        "skip": skip,
    }
    rows = transaction.execute(SQL["provisioned_users"], asked).fetchall()
    total = transaction.execute(SQL["count_users"]).fetchall()[0]["total"]
    return ProvisionedUsers(total=total, users=tuple(ProvisionedUser(**row) for row in rows))


def user_of(transaction: Transaction, user_id: UUID) -> ProvisionedUser:
    """Return a user.

    Raises:
        PrincipalNotFoundError: There is none of this id.
    """
    for user in users(transaction, user_ids=[user_id], limit=1).users:
        return user
    raise _refusal("unknown", {"user_id": user_id})


def provision(transaction: Transaction, state: UserState, actor: Actor) -> ProvisionedUser:
    """Provision a user: a person of a new name, or one who is known by it.

    Raises:
        InvalidInputError: The name or the e-mail is not valid.
        NameTakenError: The name, the e-mail or the external id belongs to somebody else.
        OwnRightsError: The actor is that person.
        RefusedError: The person was deactivated by an admin.
    """
    user_id = uuid4()
    _change(transaction, SQL["provision_user"], user_id, state, actor)
    return user_of(transaction, user_id)


def change(
    transaction: Transaction, user_id: UUID, state: UserState, actor: Actor
) -> ProvisionedUser:
    """Change what the provider says of a user.

    Raises:
        PrincipalNotFoundError: There is no such user.
        InvalidInputError: The e-mail is not valid.
        NameTakenError: The e-mail or the external id belongs to somebody else.
        OwnRightsError: The actor is that person.
        RefusedError: The name is another one, or the person was deactivated by an admin.
    """
    _change(transaction, SQL["change_user"], user_id, state, actor)
    return user_of(transaction, user_id)


def remove(transaction: Transaction, user_id: UUID, actor: Actor) -> None:
    """Remove a user from the list and from its groups; the person is no longer let in.

    Raises:
        PrincipalNotFoundError: There is no such user.
        OwnRightsError: The actor is that person.
    """
    access = AccessChange(transaction, actor)
    name = user_of(transaction, user_id).name
    rows = transaction.execute(SQL["provisioned_groups_of"], {"principal": name}).fetchall()
    for row in rows:
        access.write(
            EventType.GROUP_MEMBER_REMOVED,
            {"group": row["group_name"], "member": name, "reason": _BY_SCIM},
        )
    values = {"user_id": user_id, "principal": name}
    apply_change(transaction, SQL["deprovision_user"], actor, values, _refusal)


def begin(transaction: Transaction) -> None:
    """Wait for other changes, so that what is read now holds until the transaction ends."""
    transaction.execute(SQL["begin_provisioning"])


def require_shown(texts: Iterable[tuple[str, str | None]]) -> None:
    """Require of each field that its text is printable, without a space at its ends.

    Raises:
        InvalidInputError: One of them is not.
    """
    for field, text in texts:
        if text is not None and not is_name(text):
            raise InvalidInputError(
                "has invisible characters, a space at an end, or is empty or too long",
                field=field,
                value=text,
                remedy="Give 1 to 256 printable characters",
            )


def require_valid(state: UserState) -> None:
    """Require that the texts of a user are valid.

    Raises:
        InvalidInputError: One of them is not.
        ReservedNameError: The name is reserved for Pedigree.
    """
    require_principal(state.name)
    require_shown([("externalId", state.external_id), ("emails", state.email)])


def _change(
    transaction: Transaction,
    statement: LiteralString,
    user_id: UUID,
    state: UserState,
    actor: Actor,
) -> None:
    require_valid(state)
    values = {
        "user_id": user_id,
        "principal": state.name,
        "external_id": state.external_id,
        "email": state.email,
        "active": state.active,
    }
    apply_change(transaction, statement, actor, values, _refusal)


def _refusal(refused: str, values: Mapping[str, Any]) -> PedigreeError:
    reason = _REASONS[refused]
    named = {
        "userName": "principal",
        "emails": "email",
        "externalId": "external_id",
        "active": "principal",
        "id": "user_id",
    }
    return reason.error(
        reason.message,
        field=reason.field,
        value=str(values[named[reason.field]]),
        remedy=reason.remedy,
    )
