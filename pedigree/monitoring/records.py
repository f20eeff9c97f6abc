"""Profiles of tables, rules of comparison, and results of comparisons."""

from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal, TypeAlias

from pydantic import ConfigDict, Field, FiniteFloat, StrictBool, model_validator

from pedigree._canonical_json import canonical_json
from pedigree._record import LARGEST, NUMBER, Record, require_kind
from pedigree._values import Key
from pedigree.artifacts.records import Digest, digest_of

# Parts of a date: they differ between two months by construction, which is not drift.
CALENDAR = ("year", "quarter", "month", "week", "day", "day_of_week", "day_of_year", "date")

Count: TypeAlias = Annotated[int, Field(ge=0, le=LARGEST), NUMBER]


class ColumnRole(StrEnum):
    """The role of a column for the model."""

    FEATURE = "feature"
    PREDICTION = "prediction"


class NumericColumn(Record):
    """The profile of a numeric column: its quantiles and a histogram.

    A value that is not finite counts as missing. The bins are ``(-∞, e₀], (e₀, e₁], …, (eₖ, ∞)``;
    in a baseline the first and the last are empty, so that later values outside its range show.
    """

    model_config = ConfigDict(json_schema_extra=require_kind)

    kind: Literal["numeric"] = "numeric"
    name: str
    role: ColumnRole = ColumnRole.FEATURE
    missing: Count
    mean: FiniteFloat | None = None
    deviation: FiniteFloat | None = Field(default=None, description="Sample standard deviation")
    quantiles: tuple[FiniteFloat, ...] = Field(
        default=(), description="At equal steps of probability, from minimum to maximum"
    )
    edges: tuple[FiniteFloat, ...] = ()
    counts: tuple[Count, ...] = Field(description="One count per bin, one more than edges")

    @model_validator(mode="after")
    def _a_count_for_each_bin(self) -> "NumericColumn":
        if len(self.counts) != len(self.edges) + 1:
            raise ValueError(f"{len(self.edges)} edges make {len(self.edges) + 1} bins")
        return self

    @property
    def present(self) -> int:
        """The number of values that are not missing."""
        return sum(self.counts)


class CategoricalColumn(Record):
    """The profile of a categorical column: its most frequent values with their counts."""

    model_config = ConfigDict(json_schema_extra=require_kind)

    kind: Literal["categorical"] = "categorical"
    name: str
    role: ColumnRole = ColumnRole.FEATURE
    missing: Count
    values: tuple[str, ...] = Field(description="Most frequent first")
    counts: tuple[Count, ...] = Field(description="One count per value")
    other: Count = Field(description="Number of rows with any other value")

    @model_validator(mode="after")
    def _a_count_for_each_value(self) -> "CategoricalColumn":
        if len(self.counts) != len(self.values):
            raise ValueError(f"{len(self.values)} values need as many counts")
        return self

    @property
    def present(self) -> int:
        """The number of values that are not missing."""
        return sum(self.counts) + self.other


ColumnProfile: TypeAlias = Annotated[NumericColumn | CategoricalColumn, Field(discriminator="kind")]


class DataProfile(Record):
    """The profile of a table, with which a later table can be compared."""

    rows: Count
    columns: tuple[ColumnProfile, ...]
    skipped: tuple[str, ...] = Field(
        default=(), description="Columns of dates, lists and similar types, without a profile"
    )

    @cached_property
    def digest(self) -> Digest:
        """The digest of the profile's canonical JSON."""
        return digest_of(canonical_json(self.model_dump(mode="json")))

    def column(self, name: str) -> NumericColumn | CategoricalColumn | None:
        """Return a column's profile; None if there is no such column."""
        return next((column for column in self.columns if column.name == name), None)


_Share = Annotated[float, Field(gt=0, le=1), NUMBER]


class DriftThresholds(Record):
    """The thresholds of drift; None disables a measure.

    A population stability index of 0.2 is the usual threshold for action; for the other measures,
    0.1 is the limit of a small effect (J. Cohen, *Statistical Power Analysis*, 1988).
    """

    psi: Annotated[float, Field(gt=0), NUMBER] | None = Field(
        default=0.2, description="Population stability index"
    )
    jensen_shannon: _Share | None = Field(
        default=0.1, description="Jensen-Shannon distance, to the base 2"
    )
    distance: _Share | None = Field(
        default=0.1, description="Kolmogorov-Smirnov's D, or Cramér's V of categories"
    )
    missing: _Share | None = Field(
        default=0.05, description="Difference of the shares of missing values"
    )


class DriftAction(StrEnum):
    """The reaction to drift."""

    ALERT = "alert"
    DEMOTE = "demote"
    RETRAIN = "retrain"


class DriftRule(Record):
    """The drift rule of a model's policy."""

    thresholds: DriftThresholds = Field(default_factory=DriftThresholds)
    columns: dict[str, DriftThresholds] = Field(
        default_factory=dict, description="Thresholds of single columns"
    )
    leave_out: tuple[str, ...] = Field(
        default=CALENDAR, description="Columns that are not compared"
    )
    alpha: Annotated[float, Field(gt=0, lt=1), NUMBER] = Field(
        default=0.05, description="Probability of a false alarm per report, after Holm's correction"
    )
    stage: str = Field(default="production", description="The stage whose version is monitored")
    action: DriftAction = DriftAction.ALERT
    windows: Annotated[int, Field(ge=1), NUMBER] = Field(
        default=1, description="Number of consecutive drifted partitions before the action"
    )

    def of(self, column: str) -> DriftThresholds:
        """Return the thresholds of a column."""
        return self.columns.get(column, self.thresholds)


class ColumnDrift(Record):
    """The drift of one column from its baseline."""

    column: str
    role: ColumnRole
    kind: Literal["numeric", "categorical"]
    test: Literal["kolmogorov_smirnov", "chi_square"]
    psi: FiniteFloat
    jensen_shannon: FiniteFloat
    distance: FiniteFloat = Field(description="Kolmogorov-Smirnov's D, or Cramér's V")
    p_value: FiniteFloat = Field(description="After Holm's correction over the report")
    missing_before: FiniteFloat = Field(description="The baseline's share of missing values")
    missing_now: FiniteFloat
    missing_p_value: FiniteFloat = Field(description="After Holm's correction over the report")
    reasons: tuple[str, ...] = Field(default=(), description="Why it is an alarm; empty if none")

    @property
    def drifted(self) -> bool:
        """Whether the column is an alarm."""
        return bool(self.reasons)

    @property
    def moved(self) -> str:
        """The name of the column in an alarm."""
        return (
            f"the prediction {self.column}" if self.role is ColumnRole.PREDICTION else self.column
        )


def strength(column: ColumnDrift, thresholds: DriftThresholds) -> float:
    """Return the largest ratio of a measure to its threshold: 1 if it reaches the threshold."""
    measured = (
        (column.psi, thresholds.psi),
        (column.jensen_shannon, thresholds.jensen_shannon),
        (column.distance, thresholds.distance),
        (abs(column.missing_now - column.missing_before), thresholds.missing),
    )
    return max((value / threshold for value, threshold in measured if threshold), default=0.0)


class DriftComparison(Record):
    """The result of a comparison of two profiles."""

    columns: tuple[ColumnDrift, ...]
    problems: tuple[str, ...] = Field(
        default=(), description="Columns that are missing, or have a different kind of values"
    )

    @property
    def drifted(self) -> bool:
        """Whether a column has drifted or is missing, or its kind has changed."""
        return bool(self.problems) or any(column.drifted for column in self.columns)


class Expectations(Record):
    """The result of a suite of Great Expectations on the compared data."""

    suite: str
    passed: StrictBool
    met: Count
    total: Count
    failed: tuple[str, ...] = Field(default=(), description="Expectations that were not met")


class DriftResult(Record):
    """The comparison of one partition of an asset with a version's training data."""

    reference: str = Field(description="The version: customer_churn/3")
    asset: Key = Field(description="The compared asset")
    partition: Key | None
    baseline: Digest = Field(description="Digest of the profile of the version's training data")
    baseline_name: str = Field(description="The owner's name for the training data")
    data_version: str | None = Field(
        default=None, description="Data version of the compared partition"
    )
    rows: Count
    comparison: DriftComparison
    expectations: tuple[Expectations, ...] = ()
    run_id: str | None = None

    @property
    def drifted(self) -> bool:
        """Whether the comparison found drift."""
        return self.comparison.drifted

    @property
    def verdict(self) -> str:
        """The finding in one sentence."""
        where = f"{self.asset}[{self.partition}]" if self.partition else self.asset
        moved = [column.moved for column in self.comparison.columns if column.drifted]
        found = [*moved, *self.comparison.problems]
        if not found:
            return f"{where} matches the training data of {self.reference}"
        return f"{where} differs from the training data of {self.reference}: {', '.join(found)}"


class RecordedDrift(DriftResult):
    """A result as the registry stores it."""

    drift_id: int
    at: datetime
    recorded_by: str
    profile: DataProfile
    html: Digest = Field(description="Digest of the HTML report")
    markdown: Digest
    alerted_at: datetime | None = Field(default=None, description="When the alarm was raised")
