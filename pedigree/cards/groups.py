"""Results by group in a card: the numbers that the checks judged."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from pedigree.lifecycle.checks.fairness import FAIRNESS
from pedigree.lifecycle.checks.slice_metrics import SLICE_METRICS
from pedigree.lifecycle.records import RecordedVerdict


class GroupRow(NamedTuple):
    """One number: of a group, or of all groups of a slice if no group is named."""

    measure: str
    slice: str
    group: str | None
    value: float | None


class GroupVerdict(NamedTuple):
    """A check's verdict, with the numbers that it judged."""

    verdict: RecordedVerdict
    rows: tuple[GroupRow, ...]


def group_verdicts(verdicts: Iterable[RecordedVerdict]) -> list[GroupVerdict]:
    """Return the verdicts that judge groups; empty if no such check has run."""
    return [
        GroupVerdict(verdict, tuple(_ROWS[verdict.check](verdict.details)))
        for verdict in verdicts
        if verdict.check in _ROWS
    ]


def _of_slices(details: Mapping[str, Any]) -> Iterator[GroupRow]:
    for name, groups in details.get("slices", {}).items():
        for group, value in groups.items():
            yield GroupRow(details["metric"], name, group, value)


def _of_fairness(details: Mapping[str, Any]) -> Iterator[GroupRow]:
    for name, measures in details.get("measured", {}).items():
        for measure, value in measures.items():
            yield GroupRow(measure, name, None, value)


_ROWS = {SLICE_METRICS: _of_slices, FAIRNESS: _of_fairness}
"""How to read the details of each check that judges groups."""
