"""The events of one change of a model's stages: who leaves a stage, and who enters one."""

from typing import NamedTuple

from pydantic import JsonValue

from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.catalog.model_changes import Changed, ModelChange
from pedigree.catalog.store import LockedModel
from pedigree.lifecycle.store import Holder, close_requests
from pedigree.postgres.transaction import Transaction


class Passage(NamedTuple):
    """A version's way from one stage into another; ``none`` is no stage."""

    moving: Holder
    left: str
    entered: str


class StageChange:
    """The events of one change of a model's stages, in their order.

    Args:
        transaction: Where to write.
        model: The locked model.
        actor: Who changes it.
        reason: Why, for the timeline.
        run_id: The Dagster run that changes it.
    """

    def __init__(
        self,
        transaction: Transaction,
        model: LockedModel,
        actor: Actor,
        *,
        reason: str | None,
        run_id: str | None,
    ) -> None:
        self._transaction = transaction
        self._model = model
        self._actor = actor
        self._change = ModelChange(model, actor)
        self._known: dict[str, JsonValue] = {
            "previous_version": None,
            "generation": self._change.generation,
            "reason": reason,
            "run_id": run_id,
            "policy_revision": model.policy_revision,
        }

    def add(self, passage: Passage, *, ended_by: str = "move") -> None:
        """Add that a version leaves its stage for one that several versions may hold, or for none.

        Args:
            passage: Its way.
            ended_by: How its tenure of the stage ends: promotion, rollback or move.
        """
        self._add(passage, {}, ended_by=ended_by, exclusive=False)

    def finish(
        self,
        passage: Passage,
        *,
        previous: int | None = None,
        exclusive: bool = False,
        ended_by: str = "move",
    ) -> Changed:
        """Add the last passage, and apply the change.

        Args:
            passage: The version's way.
            previous: The version whose place it takes.
            exclusive: One version holds the stage at a time.
            ended_by: How its tenure of the stage that it leaves ends.

        Raises:
            psycopg.Error: A constraint is violated, or an event differs from the rows.
        """
        further: dict[str, JsonValue] = {
            "previous_version": previous,
            "voided": self._change.voided,
        }
        self._add(passage, further, ended_by=ended_by, exclusive=exclusive)
        return self._change.apply()

    def _add(
        self,
        passage: Passage,
        further: dict[str, JsonValue],
        *,
        ended_by: str,
        exclusive: bool,
    ) -> None:
        """Add that a version is in another stage, and close the requests for that stage."""
        moving = passage.moving
        close_requests(
            self._transaction, self._model, moving.version, self._actor, entered=passage.entered
        )
        body: dict[str, JsonValue] = {
            **self._known,
            "digest": moving.digest,
            "from": passage.left,
            "to": passage.entered,
        }
        self._change.add(
            EventType.VERSION_STAGE_CHANGED,
            body | further,
            version=moving.version,
            ended_by=ended_by,
            exclusive=exclusive,
        )
