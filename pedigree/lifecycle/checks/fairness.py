"""Whether a binary decision treats the groups of people alike, by fairlearn's measures.

Demographic parity compares how often each group is selected; equalized odds how often the selected
of each group should have been (true positives) and should not (false positives). The differences
are fairlearn's ``demographic_parity_difference`` and ``equalized_odds_difference``, taken over the
groups that have enough rows.
"""

from collections.abc import Callable, Mapping

from pydantic import Field, JsonValue, model_validator

from pedigree._record import Record
from pedigree.catalog.records import ModelVersion
from pedigree.evaluation.records import Slice, Task
from pedigree.lifecycle.checks.base import Check, Evidence, Finding, details, listed
from pedigree.lifecycle.checks.slice_metrics import SMALLEST_GROUP, chosen, judged_groups

FAIRNESS = "fairness"


class FairnessSettings(Record):
    """Which groups are compared, and how far they may differ; at least one limit is given."""

    slices: tuple[str, ...] = Field(min_length=1, description="The slices whose groups are people")
    demographic_parity_difference: float | None = Field(
        default=None, ge=0, le=1, description="The most that selection rates differ"
    )
    demographic_parity_ratio: float | None = Field(
        default=None, ge=0, le=1, description="The least ratio of selection rates; 0.8 is common"
    )
    equalized_odds_difference: float | None = Field(
        default=None, ge=0, le=1, description="The most that true or false positive rates differ"
    )
    smallest_group: int = Field(
        default=SMALLEST_GROUP, ge=1, description="Groups with fewer rows are not judged"
    )

    @model_validator(mode="after")
    def _limited(self) -> "FairnessSettings":
        if not self.limits():
            raise ValueError(f"give one of {', '.join(_MEASURES)}")
        return self

    def limits(self) -> dict[str, float]:
        """Return the limits that are given, by their measure."""
        given = {name: getattr(self, name) for name in _MEASURES}
        return {name: limit for name, limit in given.items() if limit is not None}


def demographic_parity_difference(of: Slice, smallest: int = 1) -> float | None:
    """Return how far selection rates differ; None where two groups cannot be compared."""
    return _difference(of, "selection_rate", smallest)


def demographic_parity_ratio(of: Slice, smallest: int = 1) -> float | None:
    """Return the least selection rate over the greatest; None where they cannot be compared."""
    rates = judged_groups(of, "selection_rate", smallest).values.values()
    if len(rates) < 2:
        return None
    return min(rates) / max(rates) if max(rates) else 1.0


def equalized_odds_difference(of: Slice, smallest: int = 1) -> float | None:
    """Return how far true or false positive rates differ, whichever is more."""
    found = [_difference(of, f"{kind}_positive_rate", smallest) for kind in ("true", "false")]
    known = [each for each in found if each is not None]
    return max(known) if len(known) == len(found) else None


def _difference(of: Slice, metric: str, smallest: int) -> float | None:
    rates = judged_groups(of, metric, smallest).values.values()
    return max(rates) - min(rates) if len(rates) >= 2 else None


_MEASURES: Mapping[str, Callable[[Slice, int], float | None]] = {
    "demographic_parity_difference": demographic_parity_difference,
    "demographic_parity_ratio": demographic_parity_ratio,
    "equalized_odds_difference": equalized_odds_difference,
}


def _judge(evidence: Evidence, version: ModelVersion, settings: FairnessSettings) -> Finding:
    evaluation = evidence.evaluation(version.reference)
    slices, missing = chosen(evaluation, settings.slices)
    if evaluation is not None and evaluation.task is not Task.BINARY:
        missing = f"groups are compared by a binary decision, and its task is {evaluation.task}"
    if missing or evaluation is None:
        return Finding(passed=False, summary=missing)
    wrong: list[str] = []
    measured: dict[str, JsonValue] = {}
    for each in slices:
        found = {name: _MEASURES[name](each, settings.smallest_group) for name in settings.limits()}
        measured[each.name] = {**found}
        for name, limit in settings.limits().items():
            if said := _unfair(name, found[name], limit, each.name, settings.smallest_group):
                wrong.append(said)
    return Finding(
        passed=not wrong,
        summary=listed(wrong) or f"the groups of {listed(settings.slices)} are treated alike",
        details=details(
            limits=dict(settings.limits()),
            measured=measured,
            unfair=list(wrong),
            evaluation=evaluation.digest,
        ),
    )


def _unfair(name: str, value: float | None, limit: float, of: str, smallest: int) -> str | None:
    said = name.replace("_", " ")
    if value is None:
        return f"{said} of {of} is not known: no two of its groups with {smallest} rows tell it"
    if name.endswith("ratio"):
        return f"{said} of {of} is {value:.4g}, below {limit:g}" if value < limit else None
    return f"{said} of {of} is {value:.4g}, above {limit:g}" if value > limit else None


CHECK = Check(
    name=FAIRNESS,
    asks="A binary decision treats the groups of people alike, by fairlearn's measures",
    judge=_judge,
    settings=FairnessSettings,
)
