"""What the promotion sensor does at a tick: decorate it, or let ``registry_definitions`` do it.

A sensor can launch only assets of its own code location, so each acts on the models whose stage
assets are in its own repository. It logs only when it acts: every line of a tick's log is an object
in the log store.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import dagster as dg
from pydantic import Field, ValidationError

from pedigree._record import Record
from pedigree.access.reserved import PROMOTION_SENSOR
from pedigree.audit import log
from pedigree.cards.follower import CardFollower
from pedigree.dagster.assets.model_spec import ModelLike
from pedigree.dagster.checks.check_runs import CheckCursor, follow_checks
from pedigree.dagster.sensors.promotion_runs import promotion_request, say_on_runs
from pedigree.dagster.sensors.targets import Target, Targets, targets_of
from pedigree.errors import ModelNotFoundError, PedigreeError, UnavailableError
from pedigree.registry import Registry

_PAGE = 1000
_SHOWN = 5
# A tick has a minute, and the first one finds everything unseen.
_FIRST_LOOKS = 200


class PromotionCursor(Record):
    """How far the feed was read, and the models to look at again without an event of theirs."""

    seq: int = 0
    waiting: tuple[str, ...] = Field(default=(), description="Promotions that were requested")
    checks: CheckCursor = CheckCursor()
    looked_at: str | None = Field(
        default=None, description="The last model of the first look at all; None when that is over"
    )


@dataclass
class _PromotionTick:
    """What one tick does."""

    context: dg.SensorEvaluationContext
    registry: Registry
    requests: list[dg.RunRequest] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def look_at(self, name: str, target: Target) -> None:
        """Ask for the promotion of a model that is due, or note what its candidates wait for."""
        try:
            self._renew(name)
            weighing = self.registry.operations.promotions.evaluate_candidates(name)
        except ModelNotFoundError:
            return  # never trained yet, or deleted
        except UnavailableError:
            raise
        except PedigreeError as error:
            # One model's trouble is not the others'; it is looked at again at the next tick.
            self.notes.append(f"{name}: {error}")
            self.waiting.append(name)
            return
        say_on_runs(self.context.instance, weighing)
        if weighing.due is not None:
            self.waiting.append(name)
            request, note = promotion_request(
                self.context.instance, self.registry, weighing.due, target
            )
            self.requests += [request] if request else []
            self.notes += [note] if note else []
        elif weighing.waiting:
            newest = weighing.waiting[0]
            self.notes.append(f"{newest.reference} → {newest.stage}: {'; '.join(newest.waits_for)}")

    def judge_newcomers(self) -> None:
        """Judge what was registered outside the graph, and left unjudged by a crash."""
        self.notes += [
            f"{reference} was judged"
            for reference in self.registry.operations.pending_checks.judge_newcomers()
        ]

    def perform_requests(self, name: str) -> None:
        """Let versions of a model enter the stages that people asked for and that may by now."""
        try:
            self._renew(name)
            moves = self.registry.operations.stage_requests.perform_requests(name)
        except UnavailableError:
            raise
        except PedigreeError as error:
            self.notes.append(f"{name}: {error}")
            self.waiting.append(name)
            return
        self.notes += [f"{name}/{move.version_id} entered {move.stage}, as asked" for move in moves]

    def _renew(self, name: str) -> None:
        try:
            self.registry.operations.checks.renew_verdicts(name)
        except (ModelNotFoundError, UnavailableError):
            raise
        except PedigreeError as error:
            # What a check lacks here, such as a library, holds up the versions that need it alone.
            self.notes.append(f"{name}: {error}")

    def follow_checks(self, targets: Targets | None, cursor: CheckCursor) -> CheckCursor:
        """Record what checks of people's own have found; their verdicts count in this tick."""
        if targets is None:
            return cursor
        followed = follow_checks(self.context.instance, self.registry, targets, cursor)
        self.notes += followed.notes
        return followed.cursor

    def result(self, cursor: PromotionCursor, *, looked: bool) -> dg.SensorResult:
        """Return what the daemon shall do and remember."""
        after = cursor.model_copy(update={"waiting": tuple(self.waiting)})
        return dg.SensorResult(
            run_requests=self.requests,
            skip_reason=None if self.requests else dg.SkipReason(_reason(self.notes, looked)),
            cursor=after.model_dump_json(),
        )


def promote_due(
    context: dg.SensorEvaluationContext, registry: Registry, models: Iterable[ModelLike]
) -> dg.SensorResult:
    """Request the promotions that the models' policies allow, as runs of their stage assets.

    Looked at are the models that something happened to, and those of which time alone may have
    changed the answer: a soak has ended, a verdict or an approval has grown too old. What asset
    checks of people's own found is recorded before. A request is made once for each state of a
    model; after a failed run it is made again, at most three times in all, and as often as runs are
    lost before they tried. Two daemons may both ask: the registry promotes once. What people asked
    for is done here, without a run, and shown by the mirror. The cards of the versions to which
    something happened are drawn, a few at each tick.

    Args:
        context: The tick's context.
        registry: The registry.
        models: The models to look after; those without stage assets in this repository are left.
    """
    registry = registry.acting_as(PROMOTION_SENSOR)
    cursor = _read_cursor(context.cursor)
    tick = _PromotionTick(context, registry)
    tick.judge_newcomers()
    # Before the feed is read: the event of a card is no news for the next tick.
    CardFollower(registry.database, registry.store).follow()
    targets = targets_of(context, models)
    checks = tick.follow_checks(targets, cursor.checks)
    is_first = cursor.seq == 0
    if is_first:
        # The first ticks look at everything, so they need not read how that came about.
        cursor = cursor.model_copy(update={"seq": feed_head(registry), "looked_at": ""})
    events = registry.events(cursor.seq, _PAGE)
    names = {event.model for event in events if event.model}
    names |= {*cursor.waiting, *registry.operations.promotions.names_to_evaluate()}
    for name in registry.operations.stage_requests.names_with_requests(None if is_first else names):
        tick.perform_requests(name)
    found, looked_at = _to_look_at(targets, context.instance, names, cursor.looked_at)
    for name, target in sorted(found.items()):
        tick.look_at(name, target)
    seq = events[-1].seq if events else cursor.seq
    after = PromotionCursor(seq=seq, looked_at=looked_at, checks=checks)
    return tick.result(after, looked=bool(found or tick.notes))


def _to_look_at(
    targets: Targets | None,
    instance: dg.DagsterInstance,
    names: set[str],
    looked_at: str | None,
) -> tuple[dict[str, Target], str | None]:
    """Return the models of this tick, and how far the first look at all has come."""
    if targets is None:
        return {}, None
    if looked_at is None:
        return targets.find(instance, names), None
    every = targets.all(instance)
    rest = sorted(name for name in every if name > looked_at)
    page = rest[:_FIRST_LOOKS]
    found = {name: every[name] for name in {*page, *(names & every.keys())}}
    return found, page[-1] if len(rest) > len(page) else None


def feed_head(registry: Registry) -> int:
    """Return the place of the newest event in the registry's feed; 0 where there is none."""
    registry.database.transaction(log.sequence)
    return registry.database.transaction(log.head)


def _read_cursor(text: str | None) -> PromotionCursor:
    try:
        return PromotionCursor.model_validate_json(text) if text else PromotionCursor()
    except ValidationError:
        return PromotionCursor()  # of another version of this code; look at everything again


def _reason(notes: list[str], looked: bool) -> str:
    if not looked:
        return "nothing happened in the registry"
    if not notes:
        return "no candidate waits for a promotion"
    more = f" and {len(notes) - _SHOWN} more" if len(notes) > _SHOWN else ""
    return "waiting: " + ", ".join(notes[:_SHOWN]) + more
