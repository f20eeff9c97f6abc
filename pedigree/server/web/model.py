"""The page of a model: who held what, how its metrics moved, its versions and its policy."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from markupsafe import Markup
from starlette.responses import Response

from pedigree.access.records import Permission
from pedigree.catalog.records import ModelVersion
from pedigree.errors import ModelNotFoundError
from pedigree.lifecycle.decision_records import PolicyRevision
from pedigree.lifecycle.records import CHAMPION_STAGE, Policy, Tenure
from pedigree.registry.model_pages import ModelParts
from pedigree.server.http.auth import requires
from pedigree.server.web.columns import (
    chosen_charts,
    chosen_columns,
    known_columns,
    metric_names,
)
from pedigree.server.web.drawn import DrawnParts, digest_of_values
from pedigree.server.web.keys import key_before
from pedigree.server.web.links import MODEL, POLICY
from pedigree.server.web.model_actions import gone_model
from pedigree.server.web.model_parts import model_parts, with_checks
from pedigree.server.web.pictures.timeline import lanes, timeline
from pedigree.server.web.pictures.trend import Point, trend
from pedigree.server.web.policy_words import other_rules, policy_change, policy_words
from pedigree.server.web.rendering import part
from pedigree.server.web.routes import Pages
from pedigree.server.web.visits import Visit

pages = Pages()
_DRAWN = DrawnParts()

_VERSIONS = 50
_TENURES = 200
_REVISIONS = 50
_HEADLINES = 3
# About the width of one of four columns, so that texts keep their size, also on a phone.
_CHART_WIDTH = 286


class Champion(NamedTuple):
    """A version in production.

    Attributes:
        version: The version.
        tenure: Since when, moved by whom and why; None if it is older than the tenures read.
    """

    version: ModelVersion
    tenure: Tenure | None


@pages.get(MODEL)
@requires(Permission.READ)
def model(visit: Visit, name: str) -> Response:
    """Show a model: its verdict, timeline, metrics, versions, policy and requests."""
    before = key_before(visit.query)
    try:
        parts = visit.registry.operations.model_pages.parts(
            name, versions=_VERSIONS + 1, tenures=_TENURES + 1, few=_HEADLINES + 1, before=before
        )
    except ModelNotFoundError as error:
        return gone_model(visit, name, error)
    found, policy, versions, tenures = parts.model, parts.policy, parts.versions, parts.tenures
    stages = [rule.name for rule in policy.stages]
    shown = tenures[-_TENURES:]
    return visit.page(
        "model.html",
        title=name,
        model=found,
        champions=_champions(parts),
        more_champions=len(found.stages.get(CHAMPION_STAGE, ())) > _HEADLINES,
        requests=parts.requests,
        headline=policy.champion_metric.metric if policy.champion_metric else None,
        timeline=_timeline(visit, name, shown, stages),
        tenures=_table_of(visit, name, shown),
        shown_tenures=len(shown),
        has_more_tenures=len(tenures) > _TENURES,
        charts=_charts(
            versions[:_VERSIONS],
            tenures,
            chosen_charts(visit.query, versions[:_VERSIONS], policy),
        ),
        known_charts=metric_names(versions[:_VERSIONS], policy),
        versions=versions[:_VERSIONS],
        next_before=versions[_VERSIONS - 1].version_id if len(versions) > _VERSIONS else None,
        is_first_page=before is None,
        columns=with_checks(
            visit,
            name,
            versions[:_VERSIONS],
            chosen_columns(visit.query, versions[:_VERSIONS], policy),
        ),
        known_columns=known_columns(versions[:_VERSIONS]),
        policy=policy_words(policy),
        other_rules=other_rules(policy),
        **model_parts(visit, found, tenures, versions[:_VERSIONS], policy),
    )


@pages.get(POLICY)
@requires(Permission.READ)
def policy_history(visit: Visit, name: str) -> Response:
    """Show the revisions of a model's policy, each with what it changed."""
    registry = visit.registry
    after = int(key_before(visit.query, "after") or 0)
    read = registry.policy_history(name, limit=_REVISIONS + 1, after=max(0, after - 1))
    # The revision before the first one of the page is read for its difference alone.
    shown = [each for each in read if each.revision > after][:_REVISIONS]
    return visit.page(
        "policy.html",
        title=f"Policy of {name}",
        model=registry.model(name),
        revisions=[(each, policy_change(_before(each, read), each.policy)) for each in shown],
        next_after=shown[-1].revision if shown and read[-1].revision > shown[-1].revision else None,
        policy=policy_words(registry.policy(name)),
        other_rules=other_rules(registry.policy(name)),
    )


def _timeline(
    visit: Visit, name: str, shown: Sequence[Tenure], stages: Sequence[str]
) -> Markup | None:
    # Its bars end at the end of a minute: a second is less than a tenth of a pixel.
    until = visit.now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    link = visit.links.version
    return _DRAWN.part(
        ("timeline", digest_of_values(shown, stages, until, visit.links.model(name))),
        lambda: timeline(lanes(shown, stages), lambda number: link(name, number), until),
    )


def _table_of(visit: Visit, name: str, shown: Sequence[Tenure]) -> Markup | None:
    known = {
        "tenures": shown[::-1],
        "links": visit.links,
        "model_name": name,
        "label": "Timeline as a table",
    }
    return _DRAWN.part(
        ("table", digest_of_values(shown, visit.links.model(name), name)),
        lambda: part("_tenures.html", known),
    )


def _before(revision: PolicyRevision, read: Sequence[PolicyRevision]) -> Policy | None:
    return next((each.policy for each in read if each.revision == revision.revision - 1), None)


def _champions(parts: ModelParts) -> tuple[Champion, ...]:
    """Return the versions in production, the one that entered last first."""
    pointer = f"stage:{CHAMPION_STAGE}"
    since = {
        each.version_id: each
        for each in parts.tenures
        if each.pointer == pointer and not each.until
    }
    return tuple(
        Champion(each, since.get(each.version_id)) for each in parts.champions[:_HEADLINES]
    )


def _charts(
    versions: Sequence[ModelVersion], tenures: Sequence[Tenure], names: Sequence[str]
) -> list[tuple[str, object]]:
    """Return the pictures of some metrics."""
    pointer = f"stage:{CHAMPION_STAGE}"
    held = {each.version_id for each in tenures if each.pointer == pointer}
    now = {each.version_id for each in versions if each.stage == CHAMPION_STAGE}
    drawn = []
    for name in names:
        points = [Point(each.version_id, each.metrics.get(name)) for each in reversed(versions)]
        drawn.append((name, _trend(name, points, held, now)))
    return [each for each in drawn if each[1] is not None]


def _trend(name: str, points: Sequence[Point], held: set[int], now: set[int]) -> Markup | None:
    shown = {each.version for each in points}
    known = (name, tuple(points), frozenset(held & shown), frozenset(now))
    return _DRAWN.part(("trend", known), lambda: trend(name, points, held, now, width=_CHART_WIDTH))
