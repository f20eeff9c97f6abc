"""What a list shows of a model, computed from the answers of the verbs about it."""

from datetime import datetime

from pedigree.catalog.overview.records import Attention, ListedModel, ModelFilter
from pedigree.catalog.records import ModelVersion
from pedigree.registry import Registry

_STALENESS = """
SELECT f.stale, f.seen_at FROM pedigree.staleness f
JOIN pedigree.registered_model m USING (model_id)
WHERE m.name = %s AND f.version = %s
"""


def shown_row(registry: Registry, name: str) -> ListedModel:
    """The row that a list shows."""
    found = registry.operations.models.overview(ModelFilter(words=name), limit=200).models
    (row,) = [each for each in found if each.name == name]
    return row


def naive_row(registry: Registry, name: str) -> ListedModel:
    """The row that it must be."""
    model = registry.model(name)
    versions = registry.versions(name, newest_first=True)
    latest = versions[0] if versions else None
    champion = registry.champion(name)
    rule = registry.policy(name).champion_metric
    metric = rule.metric if rule else None
    requests = registry.stage_requests(name)
    stale, seen_at = _staleness(registry, champion)
    drifted, drift_at = _drift(registry, champion)
    shown = champion or latest
    barred = {each.version_id for each in (champion, latest) if each and each.quarantine_reason}
    reasons = {
        Attention.WAITING: bool(requests),
        Attention.STALE: stale is True,
        Attention.DRIFTED: drifted is True,
        Attention.QUARANTINED: bool(barred),
        Attention.NO_PRODUCTION: champion is None,
    }
    return ListedModel(
        name=name,
        description=model.description and model.description[:300],
        owners=tuple(dict.fromkeys(model.owners)),
        team=model.tags.get("team"),
        created_at=model.created_at,
        versions=len(versions),
        stages=tuple(sorted({each.stage for each in versions} - {"none"})),
        champion=champion.version_id if champion else None,
        champion_since=champion.stage_since if champion else None,
        latest=latest.version_id if latest else None,
        latest_stage=latest.stage if latest else None,
        latest_at=latest.created_at if latest else None,
        metric=metric,
        value=shown.metrics.get(metric) if shown and metric else None,
        trend=tuple(each.metrics.get(metric) for each in versions[11::-1]) if metric else (),
        risk_class=shown.risk_class if shown else None,
        requests=len(requests),
        asking=requests[0].version_id if requests else None,
        request_id=requests[0].request_id if requests else None,
        asking_since=requests[0].at if requests else None,
        stale=stale,
        stale_seen_at=seen_at,
        drifted=drifted,
        drift_at=drift_at,
        quarantined=tuple(sorted(barred)),
        attention=tuple(reason for reason, holds in reasons.items() if holds),
    )


def _staleness(
    registry: Registry, champion: ModelVersion | None
) -> tuple[bool | None, datetime | None]:
    if champion is None:
        return None, None
    rows = registry.database.fetch_all(_STALENESS, [champion.model_name, champion.version_id])
    return (rows[0]["stale"], rows[0]["seen_at"]) if rows else (None, None)


def _drift(
    registry: Registry, champion: ModelVersion | None
) -> tuple[bool | None, datetime | None]:
    """Whether the newest result of any asset found drift, and when the newest was recorded."""
    results = registry.drift(champion.reference) if champion else ()
    if not results:
        return None, None
    newest = {each.asset: each for each in sorted(results, key=lambda each: each.drift_id)}
    return any(each.drifted for each in newest.values()), max(each.at for each in newest.values())
