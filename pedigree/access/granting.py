"""Grants: create, end and list them, and explain what they allow."""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta

from pydantic import JsonValue

from pedigree._record import Record, RecordPage
from pedigree.access.changes import AccessChange
from pedigree.access.grant_records import (
    AccessAnswer,
    AccessGrant,
    AccessReason,
    EndedAccess,
    Patterns,
)
from pedigree.access.grants import Effect, Grant
from pedigree.access.held import Standing
from pedigree.access.named_people import GROUP
from pedigree.access.people import end_rights
from pedigree.access.principal import Principal
from pedigree.access.records import Permission
from pedigree.access.tokens import SQL, require_principal, revoke_token
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.errors import AccessNotFoundError, InvalidInputError, PrincipalNotFoundError
from pedigree.postgres.pages import fetch_page
from pedigree.postgres.transaction import Row, Transaction


class NewGrant(Record):
    """A grant to create.

    Attributes:
        role: The name of the role.
        to: Whose grant it is: the name of a principal, or ``group:risk``.
        models: Names of models or patterns; all models when empty.
        stages: Names of stages or patterns; all stages when empty.
        effect: Whether it allows or denies.
        expires: How long it holds; without limit when None.
        reason: Why.
    """

    role: str
    to: str
    models: Patterns = ()
    stages: Patterns = ()
    effect: Effect = Effect.ALLOW
    expires: timedelta | None = None
    reason: str | None = None


def create_grant(transaction: Transaction, new: NewGrant, actor: Actor) -> AccessGrant:
    """Grant a role to a principal or a group, or deny it.

    Raises:
        OwnRightsError: It would be the actor's own, also by a group that they are in.
        AccessNotFoundError: There is no such role or group.
        InvalidInputError: The principal is not a valid name, the role has stages of its own, or the
            grant is over already.
    """
    is_group = new.to.startswith(GROUP)
    if not is_group:
        require_principal(new.to)
    change = AccessChange(transaction, actor, is_grant=True)
    until = None if new.expires is None else _until(change.at, new.expires)
    body: dict[str, JsonValue] = {
        "grant_id": change.grant_id,
        "group" if is_group else "principal": new.to.removeprefix(GROUP) if is_group else new.to,
        "role": new.role,
        "models": list(dict.fromkeys(new.models)),
        "stages": list(dict.fromkeys(new.stages)),
        "effect": new.effect.value,
        "expires_at": until.isoformat() if until else None,
        "reason": new.reason,
    }
    change.write(EventType.GRANT_CREATED, body)
    return grant_of(transaction, change.grant_id)


def _until(at: datetime, length: timedelta) -> datetime:
    """Return when a grant ends.

    Raises:
        InvalidInputError: No calendar has that time.
    """
    try:
        return at + length
    except OverflowError:
        raise InvalidInputError(
            "leads to a time that no calendar has",
            field="expires",
            value=length,
            remedy="Give a shorter time, or none",
        ) from None


def end_grant(
    transaction: Transaction, grant_id: int, actor: Actor, *, reason: str | None
) -> AccessGrant:
    """End a grant; one that has ended stays unchanged.

    Raises:
        AccessNotFoundError: There is no such grant.
        OwnRightsError: It denies something to the actor.
    """
    _end(AccessChange(transaction, actor), grant_of(transaction, grant_id), reason)
    return grant_of(transaction, grant_id)


def _end(change: AccessChange, grant: AccessGrant, reason: str | None) -> None:
    grantee = {"principal": grant.principal} if grant.principal else {"group": grant.group}
    change.write(
        EventType.GRANT_ENDED,
        {**grantee, "grant_id": grant.grant_id, "role": grant.role, "reason": reason},
    )


def revoke_access(
    transaction: Transaction, principal: str, actor: Actor, *, tokens: bool, reason: str | None
) -> EndedAccess:
    """End all that a principal is allowed: their grants, groups and, if wanted, tokens.

    What is denied to them stays denied, also by a group that they therefore stay in.
    """
    change, asked = AccessChange(transaction, actor), {"principal": principal}
    found = transaction.execute(SQL["grants_of_principal"], asked).fetchall()
    grants = [grant_of(transaction, row["grant_id"]) for row in found]
    allowing = [each for each in grants if each.effect is Effect.ALLOW]
    for grant in allowing:
        _end(change, grant, reason)
    rows = transaction.execute(SQL["groups_of_principal"], asked).fetchall()
    groups = [row["group_name"] for row in rows if not row["denies"]]
    for group in groups:
        body: dict[str, JsonValue] = {"group": group, "member": principal, "reason": reason}
        change.write(EventType.GROUP_MEMBER_REMOVED, body)
    numbers = transaction.execute(SQL["tokens_of_principal"], asked).fetchall() if tokens else []
    if tokens:
        _end_sessions(transaction, principal, actor)
    for row in numbers:
        revoke_token(transaction, row["token_id"], actor)
    return EndedAccess(
        principal=principal,
        grants=tuple(each.grant_id for each in allowing),
        tokens=tuple(row["token_id"] for row in numbers),
        groups=tuple(groups),
    )


def _end_sessions(transaction: Transaction, principal: str, actor: Actor) -> None:
    """Revoke the tokens of a person, and end the roles of their logins."""
    try:
        end_rights(transaction, principal, actor)
    except PrincipalNotFoundError:
        return  # nobody logged in by the name, and no token has it


def grant_of(transaction: Transaction, grant_id: int | None) -> AccessGrant:
    """Return a grant.

    Raises:
        AccessNotFoundError: There is no such grant.
    """
    row = transaction.execute(SQL["access_grant"], {"grant_id": grant_id}).fetchone()
    if row is None:
        raise AccessNotFoundError(
            "there is no such grant",
            field="grant_id",
            value=grant_id,
            remedy="`pedigree access review` lists them",
        )
    return _grant(row)


def grants(
    transaction: Transaction,
    *,
    principal: str | None,
    group: str | None,
    ended: bool,
    limit: int,
    after: int,
) -> RecordPage[AccessGrant]:
    """Return a page of grants, the oldest first."""
    asked = {"principal": principal, "group": group, "ended": ended, "limit": limit}
    found = fetch_page(transaction, SQL["access_grants"], {**asked, "after": after})
    return RecordPage(map(_grant, found.rows), is_cut=found.is_cut)


def standings(transaction: Transaction, names: Collection[str]) -> dict[str, Standing]:
    """Return what people hold now, by their names with case folded."""
    if not names:
        return {}
    rows = transaction.execute(SQL["standing_of"], {"names": list(names)}).fetchall()
    return {row["name"].casefold(): _standing(row) for row in rows}


def explain(
    transaction: Transaction,
    principal: str,
    *,
    model: str | None,
    stage: str | None,
    permissions: Collection[Permission],
) -> tuple[AccessAnswer, ...]:
    """Return whether a principal may do something by grants, valid tokens or logins, and why."""
    found = standings(transaction, [principal])[principal.casefold()]
    now = datetime.now(UTC)
    valid = [each for each in found.tokens if each.expires_at is None or each.expires_at > now]
    standing = found.model_copy(update={"tokens": tuple(valid)})
    held = Principal(
        actor=Actor(name=principal, source="explanation"),
        grants=standing.grants,
        groups=standing.access.groups,
        reads_store=False,
    )
    return tuple(_answer(held, each, model, stage) for each in permissions)


def _answer(
    held: Principal, permission: Permission, model: str | None, stage: str | None
) -> AccessAnswer:
    allowed = held.may(permission, model, stage)
    reasons = (
        each
        for each in held.grants
        if (
            each.allows(permission, model, stage)
            if allowed
            else each.denies(permission, model, stage)
        )
    )
    return AccessAnswer(
        principal=held.name,
        permission=permission,
        model=model,
        stage=stage,
        allowed=allowed,
        reasons=tuple(_reasons(reasons)),
    )


def _reasons(grants: Iterator[Grant]) -> Iterator[AccessReason]:
    for each in grants:
        yield AccessReason(
            origin=each.origin,
            effect=each.effect,
            role=each.role,
            models=each.models,
            stages=each.stages,
        )


def _grant(row: Row) -> AccessGrant:
    return AccessGrant(**row)


def _standing(row: Row) -> Standing:
    return Standing.model_validate_json(
        f'{{"name": "", "access": {row["access"]}, "tokens": {row["tokens"]},'
        f' "seen": {row["seen"]}}}'
    ).model_copy(update={"name": row["name"]})
