"""Check that a metric is good enough for every group of the evaluation data."""

from collections.abc import Iterator
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, Field, model_validator

from pedigree._record import Record
from pedigree.catalog.records import ModelVersion
from pedigree.evaluation.records import METRICS, Evaluation, Slice
from pedigree.lifecycle.checks.base import Check, Evidence, Finding, details, listed

SLICE_METRICS = "slice_metrics"
SMALLEST_GROUP = 30


def _known(metric: str) -> str:
    if metric not in METRICS:
        raise ValueError(f"{metric!r} is not measured by group; {', '.join(METRICS)} are")
    return metric


class SliceSettings(Record):
    """The limits for each group; at least one limit is required."""

    metric: Annotated[str, AfterValidator(_known)] = Field(description="The metric of each group")
    slices: tuple[str, ...] = Field(default=(), description="Only these slices; all when empty")
    at_least: float | None = Field(default=None, description="The smallest value of each group")
    at_most: float | None = Field(default=None, description="The largest value of each group")
    largest_gap: float | None = Field(
        default=None, ge=0, description="The largest difference between groups of a slice"
    )
    tolerance: float | None = Field(
        default=None, ge=0, description="How much worse than the production version a group may be"
    )
    smallest_group: int = Field(
        default=SMALLEST_GROUP, ge=1, description="Groups with fewer rows are ignored"
    )

    @model_validator(mode="after")
    def _limited(self) -> "SliceSettings":
        limits = (self.at_least, self.at_most, self.largest_gap, self.tolerance)
        if all(limit is None for limit in limits):
            raise ValueError("give at_least, at_most, largest_gap or tolerance")
        if self.tolerance is not None and METRICS[self.metric] is None:
            raise ValueError(f"more of {self.metric} is neither better nor worse: omit tolerance")
        return self


class JudgedGroup(NamedTuple):
    """The groups of a slice that have enough rows, with their values."""

    name: str
    values: dict[str, float]


def _judge(evidence: Evidence, version: ModelVersion, settings: SliceSettings) -> Finding:
    champion = evidence.champion(version.model_name) if settings.tolerance is not None else None
    compared = {
        "relative": settings.tolerance is not None,
        "digest_compared": champion.digest if champion else None,
    }
    evaluation = evidence.evaluation(version.reference)
    slices, missing = chosen(evaluation, settings.slices)
    if missing:
        return Finding(passed=False, summary=missing, **compared)
    judged = [judged_groups(each, settings.metric, settings.smallest_group) for each in slices]
    before = evidence.evaluation(champion.reference) if champion else None
    wrong = [*_unjudged(judged, settings), *_beyond(judged, settings)]
    wrong += _worse(judged, before, settings)
    count = sum(len(each.values) for each in judged)
    return Finding(
        passed=not wrong,
        summary=listed(wrong) or f"{settings.metric} is within its limits in all {count} groups",
        details=details(
            metric=settings.metric,
            slices={each.name: dict(each.values) for each in judged},
            outside=list(wrong),
            evaluation=evaluation.digest if evaluation else None,
        ),
        **compared,
    )


def chosen(evaluation: Evaluation | None, names: tuple[str, ...]) -> tuple[list[Slice], str]:
    """Return all or the named slices of an evaluation, and a text about missing ones."""
    if evaluation is None:
        return [], "its metrics by group are not known: it has no evaluation"
    if not evaluation.slices:
        return [], "its evaluation has no groups"
    unknown = [name for name in names if evaluation.slice(name) is None]
    if unknown:
        return [], f"its evaluation has no slice {listed(unknown)}"
    return [each for each in evaluation.slices if not names or each.name in names], ""


def judged_groups(of: Slice, metric: str, smallest: int) -> JudgedGroup:
    """Return the values of a metric in the groups that have enough rows."""
    known = {each.group: each.metrics for each in of.large(smallest)}
    return JudgedGroup(
        of.name, {group: found[metric] for group, found in known.items() if metric in found}
    )


def _unjudged(judged: list[JudgedGroup], settings: SliceSettings) -> Iterator[str]:
    for each in judged:
        if not each.values:
            yield (
                f"{settings.metric} is not known for any group of {each.name}"
                f" with {settings.smallest_group} rows"
            )


def _beyond(judged: list[JudgedGroup], settings: SliceSettings) -> Iterator[str]:
    least, most, gap = settings.at_least, settings.at_most, settings.largest_gap
    for name, values in judged:
        for group, value in values.items():
            group_text = f"{settings.metric} is {value:.4g} where {name} is {group}"
            if least is not None and value < least:
                yield f"{group_text}, below {least:g}"
            if most is not None and value > most:
                yield f"{group_text}, above {most:g}"
        found = max(values.values()) - min(values.values()) if values else 0.0
        if gap is not None and found > gap:
            yield f"{settings.metric} differs by {found:.4g} among groups of {name}, above {gap:g}"


def _worse(
    judged: list[JudgedGroup], before: Evaluation | None, settings: SliceSettings
) -> Iterator[str]:
    if before is None or settings.tolerance is None:
        return
    sign = 1 if METRICS[settings.metric] else -1
    for name, values in judged:
        known = before.slice(name)
        if known is None:
            continue
        once = judged_groups(known, settings.metric, settings.smallest_group).values
        for group in values.keys() & once.keys():
            if sign * (once[group] - values[group]) > settings.tolerance:
                yield (
                    f"{settings.metric} is {values[group]:.4g} where {name} is {group},"
                    f" and was {once[group]:.4g}"
                )


CHECK = Check(
    name=SLICE_METRICS,
    asks="A metric is within its limits for every group of the evaluation data",
    judge=_judge,
    settings=SliceSettings,
    relative=True,
)
