"""Legal holds and deletion, which decide how long a version is kept."""

from collections.abc import Sequence

from pydantic import JsonValue

from pedigree.access.principal import Principal
from pedigree.access.records import Permission
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.catalog.model_changes import ModelChange, change_model
from pedigree.catalog.store import LockedModel, lock_model
from pedigree.errors import VersionInUseError
from pedigree.lifecycle.decision_records import RequestOutcome
from pedigree.lifecycle.policy import read_policy
from pedigree.lifecycle.records import ARCHIVED, CANDIDATE, NO_STAGE
from pedigree.lifecycle.standing import people_of, require_mover, with_standing
from pedigree.lifecycle.store import (
    SQL,
    VersionState,
    close_requests,
    version_state,
)
from pedigree.postgres.transaction import Transaction

# A version in these stages is not in use.
_DELETABLE = frozenset({NO_STAGE, CANDIDATE, ARCHIVED})


def hold_version(
    transaction: Transaction, name: str, version: int, actor: Actor, *, reason: str
) -> None:
    """Put a legal hold on a version: it cannot be deleted until the hold is lifted.

    Raises:
        NotFoundError: There is no such model or version.
    """
    model, _ = _lock_version(transaction, name, version)
    change_model(model, EventType.VERSION_HELD, {"reason": reason}, actor, version=version)


def lift_hold(
    transaction: Transaction, name: str, version: int, actor: Actor, *, reason: str | None
) -> None:
    """Lift a legal hold; a version without one stays unchanged.

    Raises:
        NotFoundError: There is no such model or version.
    """
    model, state = _lock_version(transaction, name, version)
    if state.hold_reason is None:
        return
    change_model(model, EventType.VERSION_RELEASED, {"reason": reason}, actor, version=version)


def delete_version(
    transaction: Transaction, name: str, version: int, principal: Principal, *, reason: str
) -> None:
    """Mark a version deleted. Its number is never used again.

    Under a policy with ``delete_held`` its stage and its aliases end first.

    Raises:
        NotFoundError: There is no such model or version.
        VersionInUseError: A stage, an alias or a legal hold protects it.
        NotPermittedError: They may not move the stage or the aliases that the version holds.
    """
    model, state = _lock_version(transaction, name, version)
    deletion = _Deletion(transaction, model, principal, reason)
    deletion.delete([state])


def delete_model(transaction: Transaction, name: str, principal: Principal, *, reason: str) -> None:
    """Mark a model and all its versions deleted. Its name is never used again.

    Under a policy with ``delete_held`` the stages and aliases of its versions end first.

    Raises:
        ModelNotFoundError: There is no such model.
        VersionInUseError: A stage, an alias or a legal hold protects one of its versions.
        NotPermittedError: They may not move a stage or an alias that a version holds.
    """
    model = lock_model(transaction, name)
    rows = transaction.execute(SQL["living_versions"], {"model_id": model.model_id}).fetchall()
    states = [version_state(transaction, model.model_id, name, row["version"]) for row in rows]
    _Deletion(transaction, model, principal, reason).delete(states)
    change_model(model, EventType.MODEL_DELETED, {"reason": reason}, principal.actor)


def _lock_version(
    transaction: Transaction, name: str, version: int
) -> tuple[LockedModel, VersionState]:
    model = lock_model(transaction, name)
    return model, version_state(transaction, model.model_id, model.name, version)


class _Deletion:
    """Deletes versions of a locked model, all of them or none."""

    def __init__(
        self, transaction: Transaction, model: LockedModel, principal: Principal, reason: str
    ) -> None:
        self._transaction = transaction
        self._model = model
        self._policy = read_policy(model.policy)
        self._principal = with_standing(transaction, principal, people_of(self._policy))
        self._reason = reason

    def delete(self, states: Sequence[VersionState]) -> None:
        """Delete versions.

        Raises:
            VersionInUseError: A stage, an alias or a legal hold protects one of them.
            NotPermittedError: They may not move a stage or an alias that one of them holds.
        """
        held = {state.version: self._aliases_of(state) for state in states}
        for state in states:
            self._judge(state, held[state.version])
        for state in states:
            self._delete(state, held[state.version])

    def _aliases_of(self, state: VersionState) -> list[str]:
        found = {"model_id": self._model.model_id, "version": state.version}
        rows = self._transaction.execute(SQL["aliases_of_version"], found).fetchall()
        return [row["name"] for row in rows]

    def _judge(self, state: VersionState, aliases: Sequence[str]) -> None:
        if state.hold_reason is not None:
            why, remedy = f"is on legal hold: {state.hold_reason}", "Lift the hold first"
        elif self._policy.delete_held:
            self._require_mover(state, aliases)
            return
        elif state.stage not in _DELETABLE:
            why, remedy = f"holds the stage {state.stage}", "Promote another version first"
        elif aliases:
            why, remedy = f"holds the alias {', '.join(aliases)}", "Delete the alias first"
        else:
            return
        reference = f"{self._model.name}/{state.version}"
        raise VersionInUseError(why, field="version", value=reference, remedy=remedy)

    def _require_mover(self, state: VersionState, aliases: Sequence[str]) -> None:
        """Require the right to end the stage and the aliases of a version."""
        if state.stage not in _DELETABLE:
            rule = self._policy.rule(state.stage)
            require_mover(self._principal, self._model.name, state.stage, rule)
        if aliases:
            self._principal.require(Permission.MOVE, self._model.name)

    def _delete(self, state: VersionState, aliases: Sequence[str]) -> None:
        change = ModelChange(self._model, self._principal.actor)
        moved: dict[str, JsonValue] = {
            "generation": change.generation,
            "voided": change.voided,
            "reason": self._reason,
        }
        for alias in aliases:
            change.add(EventType.ALIAS_DELETED, {"alias": alias, **moved}, version=state.version)
        if state.stage not in _DELETABLE:
            self._close(state, entered=NO_STAGE)
            left: dict[str, JsonValue] = {
                "digest": state.digest,
                "from": state.stage,
                "to": NO_STAGE,
                "previous_version": None,
                "policy_revision": self._model.policy_revision,
                "run_id": None,
            }
            kind = EventType.VERSION_STAGE_CHANGED
            change.add(kind, left | moved, version=state.version, ended_by="move", exclusive=False)
        self._close(state, RequestOutcome.DELETED)
        change.add(
            EventType.VERSION_DELETED, {"digest": state.digest, **moved}, version=state.version
        )
        change.send()

    def _close(
        self,
        state: VersionState,
        outcome: RequestOutcome = RequestOutcome.SUPERSEDED,
        entered: str | None = None,
    ) -> None:
        actor = self._principal.actor
        close_requests(
            self._transaction, self._model, state.version, actor, outcome, entered=entered
        )
