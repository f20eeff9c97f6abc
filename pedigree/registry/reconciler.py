"""The reconciler: it judges new versions, performs stage requests and renders model cards.

Two processes run it: the service, in a thread, and Dagster's promotion sensor, at each tick.
"""

import threading
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

from pedigree.access.reserved import RECONCILER
from pedigree.audit import log
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.cards.follower import CardFollower
from pedigree.delivery.background_thread import is_over
from pedigree.errors import ModelNotFoundError
from pedigree.failures.member_loop import MemberLoop, MemberResult, Probe
from pedigree.failures.outages import store_probe
from pedigree.failures.records import BackgroundWork
from pedigree.lifecycle.records import Move
from pedigree.postgres.asker import DatabaseRole
from pedigree.registry import Registry, registry_in

_PAUSE_S = 2.0
# A tick of the sensor may take a minute.
_MOST_EVENTS = 50_000
# Events about background work itself and about checks of everything, which change no model.
_SILENT = {EventType.MEMBER_FAILED, EventType.MEMBER_RECOVERED, EventType.REGISTRY_CHECKED}

T = TypeVar("T")


class Reconciliation(NamedTuple):
    """What one pass over the registry found and did."""

    changed: frozenset[str]
    """Models with new events, and postponed models."""
    judged: tuple[str, ...]
    moves: tuple[Move, ...]


class Reconciler:
    """Judges versions that are not judged yet, performs requests whose gates pass, renders cards.

    Several processes may run one at once. All state is in the registry, except the position in the
    feed. A model whose work fails never stops the others.

    Args:
        registry: The registry.
        actor: The recorded actor of the changes.
        seq: The position in the feed. If None, the first pass covers every model.
        postponed: Models that the next pass includes even without a new event.
        is_outage: Returns whether a failure is that of a part which all models need; by default
            the object store is asked.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        actor: Actor = RECONCILER,
        seq: int | None = None,
        postponed: Iterable[str] = (),
        is_outage: Probe | None = None,
    ) -> None:
        registry = registry_in(registry.context.in_role(DatabaseRole.SENSOR))
        self.registry = registry.acting_as(actor)
        self._cards = CardFollower(registry.database, registry.store)
        self.seq = seq
        self.postponed = set(postponed)
        self._is_outage = is_outage or store_probe(registry.database, registry.store)
        self._fresh: frozenset[str] = frozenset()
        self._begin()

    def run(self, *, stop: threading.Event | None = None) -> int:
        """Reconcile every two seconds until ``stop`` is set; return how many versions moved.

        While cards wait for the next round, there is no pause. Otherwise it lets a version's events
        come together, so that its card is drawn once.
        """
        waiting, moved = stop or threading.Event(), 0
        while not is_over(None, stop):
            moved += len(self.reconcile().moves)
            if not self._cards.is_behind:
                waiting.wait(_PAUSE_S)
        return moved

    @property
    def notes(self) -> list[str]:
        """What failed in this pass, and what waits for its next attempt."""
        loops = (self._models, self._verdicts, self._approvals, self._others)
        return [note for loop in loops for note in loop.notes]

    def reconcile(self) -> Reconciliation:
        """Judge new versions, perform requests of models that may have changed, render stale cards.

        Raises:
            UnavailableError: The database or the store does not answer. The next pass covers every
                model.
        """
        since, postponed = self.seq, self.postponed
        self.seq, self.postponed = None, set()
        self._begin()
        # Before reading the feed, so that the next pass does not see the events of the cards.
        self._others.attempt("model cards", self._cards.follow)
        head = log.feed_head(self.registry.database)
        if since is not None:
            head = min(head, since + _MOST_EVENTS)
        self._fresh = self._changed(since, head)
        self.postponed = {name for name in postponed - self._fresh if self._waits(name)}
        changed = self._fresh | (postponed - self.postponed)
        newcomers = self.registry.operations.pending_checks.judge_newcomers
        judged = self._others.attempt("new versions", newcomers).value or ()
        requested = self.registry.operations.stage_requests.names_with_requests(
            None if since is None else changed
        )
        for name in self._with_approvers(None if since is None else changed):
            self._approve(name)
        perform = self.registry.operations.stage_requests.perform_requests
        performed = [self.attempt(name, perform) for name in requested]
        self.seq = head
        moves = tuple(move for found in performed for move in found or ())
        return Reconciliation(changed, judged, moves)

    def attempt(self, name: str, work: Callable[[str], T]) -> T | None:
        """Renew a model's verdicts and automatic approvals, then call ``work`` with its name.

        Returns:
            The result. None if the model is gone, or if the work failed: then the failure is noted
            and the model is postponed.

        Raises:
            UnavailableError: The database or the store does not answer.
        """
        renew = self.registry.operations.checks.renew_verdicts
        renewed = self._attempt(self._verdicts, name, renew)
        approved = self._approve(name)
        found = self._attempt(self._models, name, work)
        if not (renewed.is_done and approved.is_done and found.is_done):
            self.postponed.add(name)
        return found.value

    def _with_approvers(self, among: frozenset[str] | None) -> tuple[str, ...]:
        """Return the models whose policy has automatic approvers: of the given ones, or all."""
        if among is not None and not among:
            return ()
        return self.registry.operations.approvals.names_with_approvers(among)

    def _approve(self, name: str) -> MemberResult[object]:
        """Let the automatic approvers of a model decide."""
        approve = self.registry.operations.approvals.approve_automatically
        return self._attempt(self._approvals, name, approve)

    def _waits(self, name: str) -> bool:
        """Return whether a model failed and waits for its next attempt."""
        loops = (self._models, self._verdicts, self._approvals)
        return any(loop.waits(name) for loop in loops)

    def _attempt(
        self, loop: MemberLoop, name: str, work: Callable[[str], T]
    ) -> MemberResult[T | None]:
        def unless_gone() -> T | None:
            try:
                return work(name)
            except ModelNotFoundError:
                return None  # never trained, or deleted in the meantime

        return loop.attempt(name, unless_gone, model=name, has_changed=name in self._fresh)

    def _begin(self) -> None:
        """Begin a pass: what failed is read again."""
        database, is_outage = self.registry.database, self._is_outage
        self._models = MemberLoop(database, BackgroundWork.PROMOTIONS, is_outage=is_outage)
        # A check's library may be missing. That blocks only the versions that need the check.
        self._verdicts = MemberLoop(database, BackgroundWork.VERDICTS, is_outage=is_outage)
        # The code of an automatic approver may fail. That blocks only what waits for it.
        self._approvals = MemberLoop(database, BackgroundWork.APPROVALS, is_outage=is_outage)
        self._others = MemberLoop(database, BackgroundWork.UPKEEP, is_outage=is_outage)

    def _changed(self, since: int | None, head: int) -> frozenset[str]:
        """Return the models that have events after ``since``, as far as ``head``."""
        if since is None or since >= head:
            return frozenset()
        return log.models_changed(self.registry.database, since, head, silent=_SILENT)
