"""The metrics of a version against production, and its results by group."""

from collections.abc import Iterable
from math import isfinite
from typing import NamedTuple

from pedigree.evaluation.records import METRICS, GroupResult, KeptEvaluation
from pedigree.lifecycle.records import Policy
from pedigree.registry.version_page_records import VersionPage
from pedigree.server.web.metric_directions import MetricJudgement, directions, judged

MOST_GROUPS = 20
"""How many groups of a slice are shown, the largest first."""
MOST_SLICES = 12
"""How many slices are shown."""


class MetricRow(NamedTuple):
    """A metric of a version, of production, or of both.

    Attributes:
        name: Its name.
        production: Its value in production; None if it is not known there.
        this: Its value of this version; None if it is not known.
        higher_is_better: What the policy says; None if it says nothing.
    """

    name: str
    production: float | None
    this: float | None
    higher_is_better: bool | None

    @property
    def difference(self) -> float | None:
        """How much larger this one is; None if one is not known, or the difference is no number."""
        if self.production is None or self.this is None:
            return None
        found = self.this - self.production
        return found if isfinite(found) else None

    @property
    def judgement(self) -> str:
        """``better`` or ``worse``; empty if they are the same or it is not known."""
        found = judged(self.difference, self.higher_is_better)
        return found.value if found in (MetricJudgement.BETTER, MetricJudgement.WORSE) else ""


class SliceView(NamedTuple):
    """The results of the groups of one slice.

    Attributes:
        name: The columns that divide the rows.
        metric: The metric that is drawn.
        overall: The metric over all rows.
        groups: The groups with it, the largest first.
        further: How many groups are not shown.
    """

    name: str
    metric: str
    overall: float | None
    groups: tuple[GroupResult, ...]
    further: int


def headline_metric(policy: Policy) -> str | None:
    """Return the metric by which the policy compares versions; None if it names none."""
    return policy.champion_metric.metric if policy.champion_metric else None


def metric_rows(page: VersionPage) -> tuple[MetricRow, ...]:
    """Return the metrics, the headline metric first, then by name."""
    other = page.champion
    is_compared = other is not None and other.version_id != page.version.version_id
    before = other.metrics if other is not None and is_compared else {}
    now, first = page.version.metrics, headline_metric(page.policy)
    known = directions(page.policy)
    names = sorted({*before, *now}, key=lambda name: (name != first, name))
    return tuple(
        MetricRow(name, before.get(name), now.get(name), known.get(name)) for name in names
    )


def slice_views(evaluation: KeptEvaluation, first: str | None) -> tuple[SliceView, ...]:
    """Return the slices of an evaluation, each with the metric that says most.

    Args:
        evaluation: The evaluation.
        first: The metric to show where it is known.
    """
    return tuple(
        _slice_view(evaluation.overall, part.name, part.groups, first)
        for part in evaluation.slices[:MOST_SLICES]
    )


def _slice_view(
    overall: GroupResult, name: str, groups: Iterable[GroupResult], first: str | None
) -> SliceView:
    metric = _metric_of(overall, first)
    known = sorted(
        (group for group in groups if metric in group.metrics),
        key=lambda group: (-group.count, group.group),
    )
    shown = tuple(known[:MOST_GROUPS])
    return SliceView(name, metric, overall.metrics.get(metric), shown, len(known) - len(shown))


def _metric_of(overall: GroupResult, first: str | None) -> str:
    by_use = ("roc_auc", "accuracy", "mean_absolute_error", *METRICS, *sorted(overall.metrics))
    names = (first, *by_use)
    return next((name for name in names if name is not None and name in overall.metrics), "")
