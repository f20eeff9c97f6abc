"""The tick of the promotion sensor, for a custom sensor or ``registry_definitions``.

A sensor can launch only assets of its own code location, so it acts on the models whose stage
assets are in its own repository. It logs only when it acts: every line of a tick's log is an object
in the log store.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

import dagster as dg
from pydantic import Field, ValidationError

from pedigree._record import Record
from pedigree.access.reserved import PROMOTION_SENSOR
from pedigree.dagster.assets.model_spec import ModelLike
from pedigree.dagster.checks.check_runs import CheckCursor, follow_checks
from pedigree.dagster.sensors.promotion_runs import promotion_request, tag_training_runs
from pedigree.dagster.sensors.sealing import seal_log
from pedigree.dagster.sensors.targets import Target, Targets, targets_of
from pedigree.dagster.sensors.tick_loops import report_partitions, tick_probe
from pedigree.postgres.asker import DatabaseRole
from pedigree.registry import Registry, registry_in
from pedigree.registry.reconciler import Reconciler

_SHOWN = 5
# A tick has one minute, so the first pass over all models is spread over several ticks.
_MODELS_OF_FIRST_PASS = 200


class PromotionCursor(Record):
    """The position in the event feed, and the models to evaluate again without an event."""

    seq: int = 0
    waiting: tuple[str, ...] = Field(default=(), description="Promotions that were requested")
    checks: CheckCursor = CheckCursor()
    looked_at: str | None = Field(
        default=None, description="The last model of the first pass over all; None when it is done"
    )


@dataclass
class _PromotionTick:
    """The work and the outcome of one tick."""

    context: dg.SensorEvaluationContext
    reconciler: Reconciler
    requests: list[dg.RunRequest] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def registry(self) -> Registry:
        """The registry, as the sensor."""
        return self.reconciler.registry

    def reconcile(self) -> frozenset[str]:
        """Let the registry do the work that needs no run; return the models with new events."""
        done = self.reconciler.reconcile()
        self.notes += [f"{reference} was checked" for reference in done.judged]
        self.notes += [
            f"{move.model_name}/{move.version_id} entered {move.stage}, as requested"
            for move in done.moves
        ]
        return done.changed

    def evaluate(self, name: str, target: Target) -> None:
        """Request a model's due promotion, or note what its candidates wait for."""
        self.reconciler.attempt(name, partial(self._evaluate, target))

    def _evaluate(self, target: Target, name: str) -> None:
        evaluation = self.registry.operations.promotions.evaluate_candidates(name)
        tag_training_runs(self.context.instance, evaluation)
        if evaluation.due is not None:
            self.waiting.append(name)
            request, note = promotion_request(self.context, self.registry, evaluation.due, target)
            self.requests += [request] if request else []
            self.notes += [note] if note else []
        elif evaluation.waiting:
            newest = evaluation.waiting[0]
            self.notes.append(f"{newest.reference} → {newest.stage}: {'; '.join(newest.waits_for)}")

    def follow_checks(self, targets: Targets | None, cursor: CheckCursor) -> CheckCursor:
        """Record the results of users' checks; their verdicts count in this tick."""
        if targets is None:
            return cursor
        followed = follow_checks(self.context.instance, self.registry, targets, cursor)
        self.notes += followed.notes
        self.problems += followed.problems
        return followed.cursor

    def result(
        self, looked_at: str | None, checks: CheckCursor, *, looked: bool
    ) -> dg.SensorResult:
        """Return the run requests and the cursor for the daemon."""
        problems = self.problems + self.reconciler.notes
        cursor = PromotionCursor(
            seq=self.reconciler.seq or 0,
            waiting=tuple(sorted({*self.waiting, *self.reconciler.postponed})),
            checks=checks,
            looked_at=looked_at,
        )
        reason = _reason(problems + self.notes, looked or bool(problems))
        return dg.SensorResult(
            run_requests=self.requests,
            skip_reason=None if self.requests else dg.SkipReason(reason),
            cursor=cursor.model_dump_json(),
        )


def promote_due(
    context: dg.SensorEvaluationContext,
    registry: Registry,
    models: Iterable[ModelLike] | None = None,
) -> dg.SensorResult:
    """Request the promotions that the models' policies allow, as runs of their stage assets.

    A tick evaluates the models with new events, and those whose state depends on time: a soak has
    ended, a verdict or an approval has expired. Before that, it records the results of users'
    asset checks. A promotion is requested once for each state of a model; after a failed run it is
    requested again, at most three times in all. Runs that are lost before they start do not count.
    If two daemons request the same promotion, the registry promotes once. Stage requests of people
    are performed in the tick without a run, and the mirror reports them. Each tick also draws the
    cards of a few versions with new events, and seals the audit log if this process has its key.

    Args:
        context: The tick's context.
        registry: The registry.
        models: The models; those without stage assets in this repository are ignored. All of this
            repository when None.
    """
    registry = registry_in(registry.context.in_role(DatabaseRole.SENSOR))
    cursor = _read_cursor(context.cursor)
    reconciler = Reconciler(
        registry,
        actor=PROMOTION_SENSOR,
        seq=cursor.seq or None,
        postponed=cursor.waiting,
        is_outage=tick_probe(context.instance, registry),
    )
    tick = _PromotionTick(context, reconciler)
    targets = targets_of(context, models)
    checks = tick.follow_checks(targets, cursor.checks)
    names = {
        *tick.reconcile(),
        *reconciler.registry.operations.promotions.names_to_evaluate(),
    }
    # The first ticks evaluate all models, so they need not read the earlier events.
    looked_at = cursor.looked_at if cursor.seq else ""
    found, looked_at = _models_to_evaluate(targets, context.instance, names, looked_at)
    for name, target in sorted(found.items()):
        tick.evaluate(name, target)
    tick.problems += report_partitions(registry, targets)
    tick.problems += seal_log(registry)
    return tick.result(looked_at, checks, looked=bool(found or tick.notes))


def _models_to_evaluate(
    targets: Targets | None,
    instance: dg.DagsterInstance,
    names: set[str],
    looked_at: str | None,
) -> tuple[dict[str, Target], str | None]:
    """Return the models of this tick, and the position of the first pass over all models."""
    if targets is None:
        return {}, None
    if looked_at is None:
        return targets.find(instance, names), None
    every = targets.all(instance)
    rest = sorted(name for name in every if name > looked_at)
    page = rest[:_MODELS_OF_FIRST_PASS]
    found = {name: every[name] for name in {*page, *(names & every.keys())}}
    return found, page[-1] if len(rest) > len(page) else None


def _read_cursor(text: str | None) -> PromotionCursor:
    try:
        return PromotionCursor.model_validate_json(text) if text else PromotionCursor()
    except ValidationError:
        return PromotionCursor()  # from another version of this code; evaluate all models again


def _reason(notes: list[str], looked: bool) -> str:
    if not looked:
        return "no new events in the registry"
    if not notes:
        return "no candidate waits for a promotion"
    more = f" and {len(notes) - _SHOWN} more" if len(notes) > _SHOWN else ""
    return "waiting: " + ", ".join(notes[:_SHOWN]) + more
