"""The policies of new models, by patterns of their names."""

import uuid
from collections.abc import Iterable

from pydantic import JsonValue

from pedigree._record import RecordPage
from pedigree.access.patterns import fits
from pedigree.access.principal import Principal
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor, NewEvent
from pedigree.catalog.model_changes import ModelChange
from pedigree.catalog.names import is_name, name_key
from pedigree.catalog.store import LockedModel
from pedigree.errors import InvalidInputError, NotFoundError
from pedigree.lifecycle.decision_records import PolicyDefault
from pedigree.lifecycle.policy import read_policy
from pedigree.lifecycle.records import Policy
from pedigree.lifecycle.standing import require_known_people
from pedigree.lifecycle.store import SQL
from pedigree.postgres.pages import at_least_one, fetch_page
from pedigree.postgres.transaction import Row, Transaction


def set_default(
    transaction: Transaction,
    pattern: str,
    policy: Policy,
    principal: Principal,
    *,
    reason: str | None,
) -> PolicyDefault:
    """Set the policy of new models whose names fit a pattern; an equal one is not written again.

    Raises:
        InvalidInputError: No name could fit the pattern.
        InvalidPolicyError: The policy names a role or a group that does not exist.
    """
    key = pattern_key(pattern)
    require_known_people(transaction, policy)
    present = _find(transaction, key)
    if present is not None and present.policy == policy:
        return present
    body: dict[str, JsonValue] = {
        "pattern": key,
        "policy": policy.model_dump(mode="json"),
        "reason": reason,
    }
    _write(transaction, EventType.POLICY_DEFAULT_SET, body, principal.actor)
    written = _find(transaction, key)
    assert written is not None
    return written


def delete_default(
    transaction: Transaction, pattern: str, actor: Actor, *, reason: str | None
) -> None:
    """Delete the policy of new models of a pattern; models that have it keep it.

    Raises:
        InvalidInputError: No name could fit the pattern.
        NotFoundError: The pattern has no policy.
    """
    body: dict[str, JsonValue] = {"pattern": pattern_key(pattern), "reason": reason}
    if not _write(transaction, EventType.POLICY_DEFAULT_DELETED, body, actor):
        raise NotFoundError(
            "no policy of new models has this pattern",
            field="pattern",
            value=pattern,
            remedy="`pedigree policy defaults` lists them",
        )


def defaults(
    transaction: Transaction, *, limit: int | None, after: str
) -> RecordPage[PolicyDefault]:
    """Return a page of the policies of new models, by pattern."""
    asked = {"limit": limit and at_least_one(limit), "after": after}
    found = fetch_page(transaction, SQL["policy_defaults"], asked)
    return RecordPage(map(_default, found.rows), is_cut=found.is_cut)


def default_of(transaction: Transaction, name: str) -> PolicyDefault | None:
    """Return the policy that a new model of a name gets; None if no pattern fits."""
    rows = transaction.execute(SQL["policy_patterns"]).fetchall()
    pattern = most_specific(name, (row["pattern"] for row in rows))
    return None if pattern is None else _find(transaction, pattern)


def give_first_policy(
    transaction: Transaction, model: LockedModel, actor: Actor, otherwise: Policy | None = None
) -> bool:
    """Give a model that was created in this transaction its policy, if it has none of its own.

    Args:
        transaction: The transaction.
        model: The model, locked.
        actor: Who created the model.
        otherwise: The policy where no pattern fits; None leaves the default policy.

    Returns:
        Whether the model has got a policy.
    """
    if model.policy is not None:
        return False
    policy, reason = otherwise, None
    if found := default_of(transaction, model.name):
        policy, reason = found.policy, f"the policy of new models {found.pattern}"
    if policy is None:
        return False
    change = ModelChange(model, actor)
    body: dict[str, JsonValue] = {"policy": policy.model_dump(mode="json"), "reason": reason}
    change.add(EventType.MODEL_UPDATED, body | {"policy_revision": change.revision})
    change.send()
    return True


def pattern_key(pattern: str) -> str:
    """Return a pattern in the form in which names are compared.

    Raises:
        InvalidInputError: No name could fit the pattern.
    """
    if not is_name(pattern.replace("*", "x")):
        raise InvalidInputError(
            "is not the name of a model, in which * matches any characters",
            field="pattern",
            value=pattern,
            remedy="Write a name such as churn, or a pattern such as risk-*",
        )
    return name_key(pattern)


def most_specific(name: str, patterns: Iterable[str]) -> str | None:
    """Return the most specific pattern that a name fits: the name itself, or the longest one.

    The length is that without the stars. Of patterns of one length it is the first by its
    characters.

    >>> most_specific("risk-eu-7", ["*", "risk-*", "risk-eu-*", "*-eu-7"])
    'risk-eu-*'
    """
    key = name_key(name)
    found = [pattern for pattern in patterns if fits(key, pattern)]
    return min(found, key=_order, default=None)


def _order(pattern: str) -> tuple[bool, int, str]:
    stars = pattern.count("*")
    return stars > 0, stars - len(pattern), pattern


def _write(
    transaction: Transaction, kind: EventType, body: dict[str, JsonValue], actor: Actor
) -> bool:
    (clock,) = transaction.execute(SQL["now"]).fetchall()
    event = NewEvent(event_id=str(uuid.uuid4()), type=kind, at=clock["at"], actor=actor, body=body)
    values = {
        "event_id": event.event_id,
        "canonical": event.canonical(),
        "actor": actor.name,
        "actor_source": actor.source,
    }
    row = transaction.execute(SQL["change_policy_default"], values).fetchall()[0]
    return bool(row["changed"])


def _find(transaction: Transaction, key: str) -> PolicyDefault | None:
    rows = transaction.execute(SQL["policy_default"], {"pattern": key}).fetchall()
    return _default(rows[0]) if rows else None


def _default(row: Row) -> PolicyDefault:
    return PolicyDefault(**{**row, "policy": read_policy(row["policy"])})
