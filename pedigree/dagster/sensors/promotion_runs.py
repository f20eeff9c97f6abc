"""Runs that promote: how the sensor asks for one, and what it writes on those that trained."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

import dagster as dg

from pedigree.dagster import metadata_keys
from pedigree.dagster.assets.names import slug
from pedigree.dagster.assets.stages import StageConfig, stage_op
from pedigree.dagster.capture.run_provenance import instance_id
from pedigree.dagster.sensors.promotion_attempts import PromotionAttempts, attempts_of
from pedigree.dagster.sensors.targets import Target
from pedigree.errors import ModelNotFoundError
from pedigree.lifecycle.decision_records import CandidateEvaluation, DuePromotion, Explanation
from pedigree.registry import Registry

ATTEMPTS = 3
NOTHING = "nothing"
# Tags are looked at in a list of runs: those of the newest candidates, and not at length.
_RUNS_SAID_ON = 20
_LENGTH = 300


def promotion_request(
    instance: dg.DagsterInstance, registry: Registry, promotion: DuePromotion, target: Target
) -> tuple[dg.RunRequest | None, str | None]:
    """Return the request for a run that promotes, or a note that says why there is none.

    After too many failed runs the registry is told that the sensor has given up: from then on it
    calls the promotion due no more, until the version stands otherwise or somebody asks for it.
    """
    reference = f"{promotion.model_name}/{promotion.version_id} → {promotion.stage}"
    if promotion.stage not in target.line.stages:
        return None, f"{reference}: it is no stage of its asset's policy"
    tag, evidence = _identity(instance, promotion), _evidence(promotion)
    runs = _runs(instance, tag)
    if any(not each.dagster_run.is_finished for each in runs):
        return None, f"{reference}: its run is under way"
    tried = [each for each in runs if each.dagster_run.tags.get(metadata_keys.EVIDENCE) == evidence]
    attempts = attempts_of(instance, tried)
    if len(attempts.failed) >= ATTEMPTS:
        _give_up(registry, promotion, attempts)
        return None, f"{reference}: given up after {len(attempts.failed)} failed runs"
    next_at = attempts.next_at()
    if next_at is not None and next_at > datetime.now(UTC):
        at = f"{next_at:%Y-%m-%d %H:%M:%S%z}"
        return None, f"{reference}: {attempts.lost} runs were lost, asked for again at {at}"
    config = StageConfig(
        version=promotion.version_id,
        expected_generation=promotion.generation,
        automatic=True,
        reason="the policy's gates are passed",
    )
    return dg.RunRequest(
        # A key is once for ever, also after a failed run.
        run_key=f"{tag}:{evidence}:{len(tried) + 1}",
        job_name=target.job_name,
        asset_selection=[target.line.stage_key(promotion.stage)],
        partition_key=target.partition,
        run_config=dg.RunConfig(ops={stage_op(target.line, promotion.stage): config}),
        tags={
            metadata_keys.PROMOTION: tag,
            metadata_keys.EVIDENCE: evidence,
            metadata_keys.STAGE: promotion.stage[:_LENGTH],
            metadata_keys.VERSION: str(promotion.version_id),
            metadata_keys.WAITS_FOR: NOTHING,
        },
    ), None


def _identity(instance: dg.DagsterInstance, promotion: DuePromotion) -> str:
    """Return what tells one promotion from all others; a model's name would be too long for it."""
    known = (
        instance_id(instance) or "",
        promotion.model_name,
        promotion.stage,
        str(promotion.version_id),
        str(promotion.generation),
    )
    return f"{slug(*known)[-8:]}-{promotion.version_id}-{promotion.generation}"


def _evidence(promotion: DuePromotion) -> str:
    """Return what tells apart two judgements of a promotion that failed in between."""
    at = promotion.evidence_at.isoformat() if promotion.evidence_at else ""
    retries = [str(promotion.retries)] if promotion.retries else []
    return slug(str(promotion.policy_revision), at, *retries)[-8:]


def _runs(instance: dg.DagsterInstance, tag: str) -> Sequence[dg.RunRecord]:
    return instance.get_run_records(dg.RunsFilter(tags={metadata_keys.PROMOTION: tag}))


def _give_up(registry: Registry, promotion: DuePromotion, attempts: PromotionAttempts) -> None:
    last = attempts.failed[-1]
    with suppress(ModelNotFoundError):  # deleted meanwhile
        registry.give_up_promotion(
            promotion,
            attempts=len(attempts.failed),
            run_id=last.run_id,
            problem=_shortened(last.problem),
        )


def say_on_runs(instance: dg.DagsterInstance, weighing: CandidateEvaluation) -> None:
    """Write on the runs that made the candidates what these wait for."""
    said = dict.fromkeys(weighing.ended, NOTHING) | _said(weighing.waiting[:_RUNS_SAID_ON])
    if not said:
        return
    for run in instance.get_runs(dg.RunsFilter(run_ids=list(said))):
        say_on_run(instance, run, said[run.run_id])


def say_on_run(instance: dg.DagsterInstance, run: dg.DagsterRun, text: str) -> None:
    """Write on a run what its version waits for."""
    if run.tags.get(metadata_keys.WAITS_FOR) != text:
        instance.add_run_tags(run.run_id, {metadata_keys.WAITS_FOR: text})


def _said(waiting: Sequence[Explanation]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in waiting:
        text = f"{each.reference} → {each.stage}: {'; '.join(each.waits_for) or NOTHING}"
        before = found.get(each.run_id)
        found[each.run_id] = f"{before}, {text}" if before else text
    return {run: _shortened(text) for run, text in found.items()}


def _shortened(text: str) -> str:
    return text if len(text) <= _LENGTH else f"{text[:_LENGTH]}…"
