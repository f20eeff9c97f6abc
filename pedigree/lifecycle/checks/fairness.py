"""Check that a binary decision treats groups of people equally, by fairlearn's measures.

Demographic parity compares the selection rates of the groups. Equalized odds compares their true
positive rates and false positive rates. The differences are fairlearn's
``demographic_parity_difference`` and ``equalized_odds_difference``, over the groups that have
enough rows.
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
    """The compared groups, and the limits of their difference; at least one limit is required."""

    slices: tuple[str, ...] = Field(min_length=1, description="The slices whose groups are people")
    demographic_parity_difference: float | None = Field(
        default=None, ge=0, le=1, description="The largest difference of selection rates"
    )
    demographic_parity_ratio: float | None = Field(
        default=None, ge=0, le=1, description="The smallest ratio of selection rates; 0.8 is common"
    )
    equalized_odds_difference: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="The largest difference of true or false positive rates",
    )
    smallest_group: int = Field(
        default=SMALLEST_GROUP, ge=1, description="Groups with fewer rows are ignored"
    )

    @model_validator(mode="after")
    def _limited(self) -> "FairnessSettings":
        if not self.limits():
            raise ValueError(f"give one of {', '.join(_MEASURES)}")
        return self

    def limits(self) -> dict[str, float]:
        """Return the given limits by measure."""
        given = {name: getattr(self, name) for name in _MEASURES}
        return {name: limit for name, limit in given.items() if limit is not None}


def demographic_parity_difference(of: Slice, smallest: int = 1) -> float | None:
    """Return the difference of selection rates; None if no two groups can be compared."""
    return _difference(of, "selection_rate", smallest)


def demographic_parity_ratio(of: Slice, smallest: int = 1) -> float | None:
    """Return the smallest selection rate over the largest; None if they cannot be compared."""
    rates = judged_groups(of, "selection_rate", smallest).values.values()
    if len(rates) < 2:
        return None
    return min(rates) / max(rates) if max(rates) else 1.0


def equalized_odds_difference(of: Slice, smallest: int = 1) -> float | None:
    """Return the difference of true or of false positive rates, whichever is larger."""
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
            if problem := _unfair(name, found[name], limit, each.name, settings.smallest_group):
                wrong.append(problem)
    return Finding(
        passed=not wrong,
        summary=listed(wrong) or f"the groups of {listed(settings.slices)} are treated equally",
        details=details(
            limits=dict(settings.limits()),
            measured=measured,
            unfair=list(wrong),
            evaluation=evaluation.digest,
        ),
    )


def _unfair(name: str, value: float | None, limit: float, of: str, smallest: int) -> str | None:
    label = name.replace("_", " ")
    if value is None:
        return f"{label} of {of} is not known: it needs two groups with {smallest} rows"
    if name.endswith("ratio"):
        return f"{label} of {of} is {value:.4g}, below {limit:g}" if value < limit else None
    return f"{label} of {of} is {value:.4g}, above {limit:g}" if value > limit else None


CHECK = Check(
    name=FAIRNESS,
    asks="A binary decision treats groups of people equally, by fairlearn's measures",
    judge=_judge,
    settings=FairnessSettings,
)
