"""Changes of a model and its versions: the database applies to the rows what the events say."""

import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

from psycopg.errors import CheckViolation
from psycopg.types.json import Jsonb
from pydantic import JsonValue

from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.catalog.store import SQL, LockedModel
from pedigree.errors import NotSealedError
from pedigree.postgres.transaction import Rows

_AVAILABLE = "tenure_of_available_version"
# What sensors may do as well; the database refuses them the rest.
_MOVES = {
    EventType.VERSION_STAGE_CHANGED,
    EventType.VERSION_APPROVED,
    EventType.VERSION_REJECTED,
}
# The aliases that a stage guards move with it.
_MOVES_OF_STAGES = _MOVES | {EventType.ALIAS_SET, EventType.ALIAS_DELETED}


class Changed(NamedTuple):
    """The state of a model after a change."""

    generation: int
    voided: list[int]
    """The versions whose approval became void."""
    policy_revision: int


class ModelChange:
    """The events of one change of a model, in their order.

    A body states what only the database knows by :attr:`generation`, :attr:`voided` or
    :attr:`revision`: random texts, so that no text of a user can be taken for one.

    Args:
        model: The locked model.
        actor: Who changes it.
    """

    def __init__(self, model: LockedModel, actor: Actor) -> None:
        self._model = model
        self._actor = actor
        self._hole = uuid.uuid4().hex
        self._events: list[dict[str, Any]] = []
        self._types: set[EventType] = set()

    @property
    def generation(self) -> str:
        """The model's generation after the change; a last event with it counts a move."""
        return f"{self._hole}generation"

    @property
    def voided(self) -> str:
        """The versions whose approval became void."""
        return f"{self._hole}voided"

    @property
    def revision(self) -> str:
        """The revision of the policy after the change."""
        return f"{self._hole}revision"

    def add(
        self,
        event_type: EventType,
        body: Mapping[str, JsonValue],
        *,
        version: int | None = None,
        **facts: JsonValue,
    ) -> None:
        """Add an event.

        Args:
            event_type: What happens.
            body: What a reader needs to replay the change.
            version: The version that changes, if it is a single one.
            facts: What the rows have and the event does not say.
        """
        event = self._model.event(event_type, body, version=version, actor=self._actor)
        self._types.add(event_type)
        self._events.append(
            {
                **facts,
                "event_id": event.event_id,
                "type": event_type.value,
                "version": version,
                "canonical": event.canonical().decode(),
            }
        )

    def apply(self) -> Changed:
        """Write the events and apply them.

        Raises:
            psycopg.Error: A constraint is violated, or an event differs from the rows.
        """
        return Changed(**self.send().fetchall()[0])

    def send(self) -> Rows:
        """Write the events and apply them; a pipeline does so later.

        Raises:
            NotSealedError: A version that is pending or failed would hold a stage or an alias.
            psycopg.Error: A constraint is violated, or an event differs from the rows.
        """
        values = {
            "model_id": self._model.model_id,
            "events": Jsonb(self._events),
            "at": self._model.at,
            "hole": self._hole,
            "actor": self._actor.name,
            "actor_source": self._actor.source,
        }
        of_stages = EventType.VERSION_STAGE_CHANGED in self._types
        is_move = self._types <= (_MOVES_OF_STAGES if of_stages else _MOVES)
        query = SQL["move_versions" if is_move else "change_model"]
        try:
            return self._model.transaction.execute(query, values)
        except CheckViolation as error:
            if error.diag.constraint_name != _AVAILABLE:
                raise
            raise self._not_available() from error

    def _not_available(self) -> NotSealedError:
        return NotSealedError(
            "a version that is pending or failed holds no stage and no alias",
            field="model",
            value=self._model.name,
            remedy=f"`pedigree versions {self._model.name}` shows the state of each",
        )


def change_model(
    model: LockedModel,
    event_type: EventType,
    body: Mapping[str, JsonValue],
    actor: Actor,
    *,
    version: int | None = None,
    **facts: JsonValue,
) -> None:
    """Change a model, or one of its versions, as one event says, which counts no move.

    Args:
        model: The locked model.
        event_type: What happens.
        body: What a reader needs to replay the change.
        actor: Who changes it.
        version: The version that changes, if it is a single one.
        facts: What the rows have and the event does not say.

    Raises:
        psycopg.Error: A constraint is violated, or the event differs from the rows.
    """
    change = ModelChange(model, actor)
    change.add(event_type, body, version=version, **facts)
    change.send()
