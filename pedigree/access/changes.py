"""Changes of roles, groups and grants: each is an event that the database applies and writes."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from psycopg.errors import CheckViolation, ForeignKeyViolation
from pydantic import JsonValue

from pedigree.access.tokens import SQL
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor, NewEvent
from pedigree.errors import (
    AccessInUseError,
    AccessNotFoundError,
    InvalidInputError,
    OwnRightsError,
    PedigreeError,
    RefusedError,
)
from pedigree.postgres.transaction import Transaction

_OWN = "Ask another admin to do it"


class _Reason(NamedTuple):
    """Why the database refuses a change, by the name of its constraint."""

    error: type[PedigreeError]
    message: str
    field: str
    remedy: str


_REASONS: Mapping[str | None, _Reason] = MappingProxyType(
    {
        "access_grant_role": _Reason(
            AccessNotFoundError,
            "there is no such role",
            "role",
            "`pedigree access role list` lists them",
        ),
        "access_grant_group": _Reason(
            AccessNotFoundError,
            "there is no such group",
            "group",
            "`pedigree access group list` lists them",
        ),
        "access_group_member_group": _Reason(
            AccessNotFoundError,
            "there is no such group",
            "group",
            "`pedigree access group list` lists them",
        ),
        "access_grant_stages": _Reason(
            InvalidInputError,
            "the role is limited to stages of its own, so its grants have none",
            "stages",
            "Grant a role without stages, or leave the stages out",
        ),
        "access_grant_expiry": _Reason(
            InvalidInputError, "must be in the future", "expires", "Give a time such as 90d"
        ),
        "access_grant_not_to_oneself": _Reason(
            OwnRightsError, "nobody grants a role to themselves", "grantee", _OWN
        ),
        "access_grant_denial_not_ended_by_oneself": _Reason(
            OwnRightsError, "nobody ends what is denied to themselves", "grant", _OWN
        ),
        "access_group_member_not_oneself": _Reason(
            OwnRightsError, "nobody adds themselves to a group", "member", _OWN
        ),
        "access_group_provisioned": _Reason(
            RefusedError,
            "an identity provider decides who is in this group",
            "group",
            "Add them at the provider; `pedigree access grant` gives rights to one person",
        ),
        "access_role_not_of_oneself": _Reason(
            OwnRightsError, "nobody changes a role that they hold", "role", _OWN
        ),
        "access_role_built_in": _Reason(
            AccessInUseError, "the role is built in", "role", "Define a role of another name"
        ),
        "access_role_unused": _Reason(
            AccessInUseError,
            "grants, tokens or policies have the role",
            "role",
            "End the grants, revoke the tokens and change the policies first",
        ),
        "access_group_unused": _Reason(
            AccessInUseError,
            "policies name the group",
            "group",
            "Change the policies first",
        ),
    }
)


class AccessChange:
    """A change of access in a transaction, which waits for all other ones.

    Args:
        transaction: The transaction.
        actor: Who makes it.
        is_grant: It is a new grant, which gets a number.
    """

    def __init__(self, transaction: Transaction, actor: Actor, *, is_grant: bool = False) -> None:
        self._transaction = transaction
        self._actor = actor
        row = transaction.execute(SQL["begin_access_change"], {"is_grant": is_grant}).fetchall()[0]
        self.at: datetime = row["at"]
        self.grant_id: int | None = row["grant_id"]

    def write(self, event_type: EventType, body: Mapping[str, JsonValue]) -> bool:
        """Apply the change and write its event; return False if it changes nothing.

        Raises:
            OwnRightsError: The actor would extend their own rights.
            AccessNotFoundError: There is no such role or group.
            AccessInUseError: The role or the group is in use, or built in.
            InvalidInputError: The grant has a time in the past, or stages that its role has too.
        """
        event = NewEvent(
            event_id=str(uuid.uuid4()),
            type=event_type,
            at=self.at,
            actor=self._actor,
            body=dict(body),
        )
        values = {
            "event_id": event.event_id,
            "canonical": event.canonical(),
            "actor": self._actor.name,
            "actor_source": self._actor.source,
        }
        try:
            row = self._transaction.execute(SQL["change_access"], values).fetchall()[0]
        except (CheckViolation, ForeignKeyViolation) as error:
            reason = _REASONS.get(error.diag.constraint_name)
            if reason is None:
                raise
            value = body.get(reason.field) or body.get("principal") or body.get("group")
            raise reason.error(
                reason.message,
                field=reason.field,
                value=value if isinstance(value, str | int) else None,
                remedy=reason.remedy,
            ) from error
        return bool(row["changed"])
