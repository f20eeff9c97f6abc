"""Follow, tick by tick, what became of versions in the asset graph."""

from collections.abc import Iterable

import dagster as dg
from pydantic import Field, ValidationError

from pedigree._record import Record
from pedigree.dagster.consumers import declared_usages
from pedigree.dagster.line import ModelLike
from pedigree.dagster.targets import targets_of
from pedigree.dagster.usages import settle_usages
from pedigree.registry import Registry


class FollowingCursor(Record):
    """How far the consumers of models and stages were looked at."""

    seen: dict[str, int] = Field(
        default_factory=dict, description="Consumer → storage id of its last materialization"
    )


def follow_lineage(
    context: dg.SensorEvaluationContext, registry: Registry, models: Iterable[ModelLike]
) -> dg.SensorResult:
    """Keep in the registry what runs wrote with its versions.

    It launches nothing and reports nothing to Dagster; repeated, it changes nothing.

    Args:
        context: The tick's context.
        registry: The registry.
        models: The models whose consumers in this repository are looked at.
    """
    cursor = _read_cursor(context.cursor)
    settled = settle_usages(context.instance, registry)
    targets = targets_of(context, models)
    seen = declared_usages(context, registry, targets.lines if targets else {}, cursor.seen)
    done = f"{settled} usages were settled" if settled else "no output is new"
    return dg.SensorResult(
        skip_reason=dg.SkipReason(done), cursor=FollowingCursor(seen=seen).model_dump_json()
    )


def _read_cursor(text: str | None) -> FollowingCursor:
    try:
        return FollowingCursor.model_validate_json(text) if text else FollowingCursor()
    except ValidationError:
        return FollowingCursor()  # of another version of this code; to look again changes nothing
