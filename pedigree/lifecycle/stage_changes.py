"""The events of one change of a model's stages: who leaves a stage, and who enters one."""

from typing import NamedTuple

from pydantic import JsonValue

from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.catalog.model_changes import Changed, ModelChange
from pedigree.catalog.store import LockedModel
from pedigree.lifecycle.alias_guards import held_by_guard
from pedigree.lifecycle.records import Policy
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
        policy: Its policy.
        actor: Who changes it.
        reason: Why, for the timeline.
        run_id: The Dagster run that changes it.
    """

    def __init__(
        self,
        transaction: Transaction,
        model: LockedModel,
        policy: Policy,
        actor: Actor,
        *,
        reason: str | None,
        run_id: str | None,
    ) -> None:
        self._transaction = transaction
        self._model = model
        self._policy = policy
        self._actor = actor
        self._change = ModelChange(model, actor)
        self._known: dict[str, JsonValue] = {
            "previous_version": None,
            "generation": self._change.generation,
            "reason": reason,
            "run_id": run_id,
            "policy_revision": model.policy_revision,
        }

    def add(self, passage: Passage, heir: Holder, *, ended_by: str) -> None:
        """Add that a version leaves its stage for the archive.

        Args:
            passage: Its way.
            heir: The version that the aliases name from then on which the stage guards.
            ended_by: How its tenure of the stage ends: promotion, rollback or move.
        """
        self._move_aliases(passage, heir)
        self._add(passage, {}, ended_by=ended_by, exclusive=False)

    def finish(
        self,
        passage: Passage,
        heir: Holder | None = None,
        *,
        previous: int | None = None,
        exclusive: bool = False,
        ended_by: str = "move",
    ) -> Changed:
        """Add the last passage, and apply the change.

        Args:
            passage: The version's way.
            heir: The version that the aliases name from then on which the stage guards that it
                leaves; None lets them go.
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
        self._move_aliases(passage, heir)
        self._add(passage, further, ended_by=ended_by, exclusive=exclusive)
        return self._change.apply()

    def _move_aliases(self, passage: Passage, heir: Holder | None) -> None:
        """Add that a version loses the aliases which the stage that it leaves guards."""
        moving, model_id = passage.moving, self._model.model_id
        for alias in held_by_guard(
            self._transaction, model_id, self._policy, moving.version, passage.left
        ):
            known: dict[str, JsonValue] = {
                "alias": alias,
                "generation": self._change.generation,
                "voided": self._change.voided,
                "reason": self._known["reason"],
            }
            if heir is None:
                self._change.add(EventType.ALIAS_DELETED, known, version=moving.version)
            else:
                named: dict[str, JsonValue] = {
                    "digest": heir.digest,
                    "previous_version": moving.version,
                }
                self._change.add(EventType.ALIAS_SET, known | named, version=heir.version)

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
