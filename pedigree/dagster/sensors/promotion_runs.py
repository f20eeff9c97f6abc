"""Promotion runs: how the sensor requests them, and how it tags the training runs."""

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
from pedigree.dagster.sensors.tick_loops import stage_run_config
from pedigree.dagster.version_pages import page_of
from pedigree.errors import ModelNotFoundError
from pedigree.lifecycle.decision_records import CandidateEvaluation, DuePromotion, Explanation
from pedigree.registry import Registry
from pedigree.settings import Settings

ATTEMPTS = 3
NOTHING = "nothing"
# People read tags in the list of runs, so only the newest candidates get one, and it is short.
_MAX_TAGGED_RUNS = 20
_MAX_TAG_LENGTH = 300


def promotion_request(
    context: dg.SensorEvaluationContext,
    registry: Registry,
    promotion: DuePromotion,
    target: Target,
) -> tuple[dg.RunRequest | None, str | None]:
    """Return the request for a run that promotes, or a note with the reason for not requesting it.

    After too many failed runs the sensor gives up, and records this in the registry. The promotion
    is then not due until the version's state changes or somebody requests it.
    """
    reference = f"{promotion.model_name}/{promotion.version_id} → {promotion.stage}"
    if promotion.stage not in target.model_spec.stages:
        return None, f"{reference}: the policy of the asset has no such stage"
    instance = context.instance
    tag, evidence = _identity(instance, promotion), _evidence(promotion)
    runs = _runs(instance, tag)
    if any(not run.dagster_run.is_finished for run in runs):
        return None, f"{reference}: its run is in progress"
    same_evidence = [
        run for run in runs if run.dagster_run.tags.get(metadata_keys.EVIDENCE) == evidence
    ]
    attempts = attempts_of(instance, same_evidence)
    if len(attempts.failed) >= ATTEMPTS:
        _give_up(registry, promotion, attempts)
        return None, f"{reference}: given up after {len(attempts.failed)} failed runs"
    next_at = attempts.next_at()
    if next_at is not None and next_at > datetime.now(UTC):
        at = f"{next_at:%Y-%m-%d %H:%M:%S%z}"
        return None, f"{reference}: {attempts.lost} runs were lost, next request at {at}"
    config = StageConfig(
        version=promotion.version_id,
        expected_generation=promotion.generation,
        automatic=True,
        reason="the policy's gates are passed",
    )
    return dg.RunRequest(
        # Dagster never reuses a run key, not even after a failed run.
        run_key=f"{tag}:{evidence}:{len(same_evidence) + 1}",
        asset_selection=[target.model_spec.stage_key(promotion.stage)],
        asset_check_keys=[],
        partition_key=target.partition,
        run_config=stage_run_config(
            context, {stage_op(target.model_spec, promotion.stage): config}
        ),
        tags={
            **_page_tag(f"{promotion.model_name}/{promotion.version_id}", registry.settings),
            metadata_keys.PROMOTION: tag,
            metadata_keys.EVIDENCE: evidence,
            metadata_keys.STAGE: promotion.stage[:_MAX_TAG_LENGTH],
            metadata_keys.VERSION: str(promotion.version_id),
            metadata_keys.WAITS_FOR: NOTHING,
        },
    ), None


def _page_tag(reference: str, settings: Settings) -> dict[str, str]:
    """Return the tag with the page of the version that a run promotes; empty without a URL."""
    page = page_of(reference, settings)
    return {} if page is None else {metadata_keys.PAGE: page}


def _identity(instance: dg.DagsterInstance, promotion: DuePromotion) -> str:
    """Return a text that identifies a promotion; a model's name would be too long for a tag."""
    parts = (
        instance_id(instance) or "",
        promotion.model_name,
        promotion.stage,
        str(promotion.version_id),
        str(promotion.generation),
    )
    return f"{slug(*parts)[-8:]}-{promotion.version_id}-{promotion.generation}"


def _evidence(promotion: DuePromotion) -> str:
    """Return a text that identifies the evaluation from which a promotion became due."""
    at = promotion.evidence_at.isoformat() if promotion.evidence_at else ""
    retries = [str(promotion.retries)] if promotion.retries else []
    return slug(str(promotion.policy_revision), at, *retries)[-8:]


def _runs(instance: dg.DagsterInstance, tag: str) -> Sequence[dg.RunRecord]:
    return instance.get_run_records(dg.RunsFilter(tags={metadata_keys.PROMOTION: tag}))


def _give_up(registry: Registry, promotion: DuePromotion, attempts: PromotionAttempts) -> None:
    last = attempts.failed[-1]
    with suppress(ModelNotFoundError):  # deleted since
        registry.operations.promotions.give_up_promotion(
            promotion,
            attempts=len(attempts.failed),
            run_id=last.run_id,
            problem=_shortened(last.problem),
        )


def tag_training_runs(instance: dg.DagsterInstance, evaluation: CandidateEvaluation) -> None:
    """Tag the runs that trained the candidates with what their versions wait for."""
    texts = dict.fromkeys(evaluation.ended, NOTHING)
    texts |= _tags_by_run(evaluation.waiting[:_MAX_TAGGED_RUNS])
    if not texts:
        return
    for run in instance.get_runs(dg.RunsFilter(run_ids=list(texts))):
        text = texts[run.run_id]
        if run.tags.get(metadata_keys.WAITS_FOR) != text:
            instance.add_run_tags(run.run_id, {metadata_keys.WAITS_FOR: text})


def _tags_by_run(waiting: Sequence[Explanation]) -> dict[str, str]:
    found: dict[str, str] = {}
    for candidate in waiting:
        if candidate.run_id is None:
            continue
        reasons = "; ".join(candidate.waits_for) or NOTHING
        text = f"{candidate.reference} → {candidate.stage}: {reasons}"
        before = found.get(candidate.run_id)
        found[candidate.run_id] = f"{before}, {text}" if before else text
    return {run: _shortened(text) for run, text in found.items()}


def _shortened(text: str) -> str:
    return text if len(text) <= _MAX_TAG_LENGTH else f"{text[:_MAX_TAG_LENGTH]}…"
