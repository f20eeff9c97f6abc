"""What the sensors do at a tick, as verbs: decorate them, or let ``registry_definitions`` do it.

A sensor can launch only assets of its own code location, so each acts on the models whose stage
assets are in its own repository. It logs only when it acts: every line of a tick's log is an object
in the log store.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import dagster as dg
from pydantic import Field, ValidationError

from pedigree._record import Record
from pedigree.audit import log
from pedigree.dagster import metadata
from pedigree.dagster.line import ModelLike, ModelLine, lines_of
from pedigree.dagster.names import slug
from pedigree.dagster.provenance import instance_id
from pedigree.dagster.stages import StageConfig, stage_op
from pedigree.errors import ModelNotFoundError, PedigreeError, UnavailableError
from pedigree.lifecycle.records import DuePromotion
from pedigree.registry import Registry

ATTEMPTS = 3
_PAGE = 1000
_SHOWN = 5


@dataclass(frozen=True)
class Target:
    """A registered model of this repository: its line, its partition, and the job of its stages."""

    line: ModelLine
    partition: str | None
    job_name: str | None = None


class PromotionCursor(Record):
    """How far the feed was read, and the models to look at again without an event of theirs."""

    seq: int = 0
    waiting: tuple[str, ...] = Field(default=(), description="Promotions that were requested")


def promote_due(
    context: dg.SensorEvaluationContext,
    registry: Registry,
    models: Iterable[ModelLike],
) -> dg.SensorResult:
    """Request the promotions that the models' policies allow, as runs of their stage assets.

    A request is made once for each state of a model; after a failed run it is made again, at most
    three times in all. Two daemons may both ask: the registry promotes once.

    Args:
        context: The tick's context.
        registry: The registry.
        models: The models to look after; those without stage assets in this repository are left.
    """
    targets = targets_of(context, models)
    cursor = _read_cursor(context.cursor)
    touched, seq = _touched(registry, cursor, targets)
    requests, waiting, notes = [], [], []
    for name in sorted(touched):
        try:
            registry.renew_verdicts(name)
            due = registry.due_promotions([name])
        except ModelNotFoundError:
            continue  # never trained yet, or deleted
        except UnavailableError:
            raise
        except PedigreeError as error:
            # One model's trouble is not the others'; it is looked at again at the next tick.
            notes.append(f"{name}: {error}")
            waiting.append(name)
            continue
        for promotion in due:
            request, note = _request(context, promotion, targets[name])
            waiting.append(name)
            if request is not None:
                requests.append(request)
            if note:
                notes.append(note)
        if not due:
            notes += [
                f"{each.reference} → {each.stage}: {'; '.join(each.waits_for)}"
                for each in registry.waiting(name)[-1:]
            ]
    after = PromotionCursor(seq=seq, waiting=tuple(waiting))
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else dg.SkipReason(_reason(notes, touched)),
        cursor=after.model_dump_json(),
    )


def targets_of(
    context: dg.SensorEvaluationContext,
    models: Iterable[ModelLike],
) -> dict[str, Target]:
    """Return the registered models whose stage assets this repository can materialize, by name."""
    repository = context.repository_def
    graph = repository.asset_graph if repository is not None else None
    targets: dict[str, Target] = {}
    for line in lines_of(*models):
        stages = [line.stage_key(stage) for stage in line.stages]
        if graph is None or not stages or stages[0] not in graph.executable_asset_keys:
            continue
        partitions = graph.get(stages[0]).partitions_def
        for name, partition in line.registered_names(partitions, context.instance).items():
            targets[name] = Target(line, partition, promotion_job(line))
    return targets


def promotion_job(line: ModelLine) -> str:
    """Return the name of the job that materializes a model's stages."""
    return f"promote_{slug(line.name)}"


def feed_head(registry: Registry) -> int:
    """Return the place of the newest event in the registry's feed; 0 where there is none."""
    registry.database.run(log.sequence)
    return registry.database.run(log.head)


def _touched(
    registry: Registry, cursor: PromotionCursor, targets: dict[str, Target]
) -> tuple[set[str], int]:
    """Return the models of which something happened, and how far the feed goes."""
    if cursor.seq == 0:
        # The first tick looks at everything, so it need not read how that came about.
        return set(targets), feed_head(registry)
    events = registry.events(cursor.seq, _PAGE)
    touched = {event.model for event in events if event.model} | set(cursor.waiting)
    return touched & set(targets), events[-1].seq if events else cursor.seq


def _request(
    context: dg.SensorEvaluationContext, promotion: DuePromotion, target: Target
) -> tuple[dg.RunRequest | None, str | None]:
    identity = ":".join(
        [
            instance_id(context.instance) or "",
            promotion.model_name,
            promotion.stage,
            str(promotion.version_id),
            str(promotion.generation),
        ]
    )
    # A run's tag may not be as long as a model's name.
    tag = slug(identity)[-8:] + f"-{promotion.version_id}-{promotion.generation}"
    if promotion.stage not in target.line.stages:
        return None, f"{promotion.model_name}: {promotion.stage} is no stage of its asset's policy"
    failed = len(_failed_runs(context.instance, tag))
    if failed >= ATTEMPTS:
        reference = f"{promotion.model_name}/{promotion.version_id}"
        return None, f"{reference} → {promotion.stage}: given up after {failed} failed runs"
    config = StageConfig(
        version=promotion.version_id,
        expected_generation=promotion.generation,
        automatic=True,
        reason="the policy's gates are passed",
    )
    request = dg.RunRequest(
        run_key=f"{identity}:{failed + 1}",
        job_name=target.job_name,
        asset_selection=[target.line.stage_key(promotion.stage)],
        partition_key=target.partition,
        run_config=dg.RunConfig(ops={stage_op(target.line, promotion.stage): config}),
        tags={metadata.PROMOTION: tag},
    )
    return request, None


def _failed_runs(instance: dg.DagsterInstance, tag: str) -> Sequence[dg.DagsterRun]:
    return instance.get_runs(
        dg.RunsFilter(
            tags={metadata.PROMOTION: tag},
            statuses=[dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED],
        )
    )


def _read_cursor(text: str | None) -> PromotionCursor:
    try:
        return PromotionCursor.model_validate_json(text) if text else PromotionCursor()
    except ValidationError:
        return PromotionCursor()  # of another version of this code; look at everything again


def _reason(notes: list[str], touched: set[str]) -> str:
    if not touched:
        return "nothing happened in the registry"
    if not notes:
        return "no candidate waits for a promotion"
    more = f" and {len(notes) - _SHOWN} more" if len(notes) > _SHOWN else ""
    return "waiting: " + ", ".join(notes[:_SHOWN]) + more
