"""Changes of people: a function of the database applies one and returns its events, or refuses."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, LiteralString, TypeAlias

from pedigree.audit import log
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.errors import PedigreeError
from pedigree.postgres.transaction import Transaction

Refusal: TypeAlias = Callable[[str, Mapping[str, Any]], PedigreeError]
"""Returns the error of a reason for which the database refuses a change with some values."""


def apply_change(
    transaction: Transaction,
    statement: LiteralString,
    actor: Actor,
    values: Mapping[str, object],
    refusal: Refusal,
) -> Mapping[str, Any]:
    """Run a function of the database, write the events that it returns, and return the answer.

    Raises:
        NotFoundError, RefusedError: It refused.
    """
    acting = {**values, "actor": actor.name, "actor_source": actor.source}
    done: Mapping[str, Any] = transaction.execute(statement, acting).fetchall()[0]["done"]
    if "refused" in done:
        raise refusal(done["refused"], values)
    at = datetime.fromisoformat(done["at"])
    for event in done["events"]:
        log.record(transaction, EventType(event["type"]), event["body"], at=at, actor=actor)
    return done
