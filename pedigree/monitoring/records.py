"""Profiles of tables, the rules by which two are compared, and what a comparison found."""

from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal, TypeAlias

import rfc8785
from pydantic import ConfigDict, Field, FiniteFloat, StrictBool, model_validator

from pedigree._record import LARGEST, NUMBER, Record, require_kind
from pedigree.artifacts.records import Digest, digest_of

# Parts of a date: between two months they differ by construction, which is no drift.
CALENDAR = ("year", "quarter", "month", "week", "day", "day_of_week", "day_of_year", "date")

Count: TypeAlias = Annotated[int, Field(ge=0, le=LARGEST), NUMBER]


class ColumnRole(StrEnum):
    """What a column is to the model."""

    FEATURE = "feature"
    PREDICTION = "prediction"


class NumericColumn(Record):
    """A column of numbers: its quantiles, and how many values lie between its edges.

    A value that is not finite counts as missing. The bins are ``(-∞, e₀], (e₀, e₁], …, (eₖ, ∞)``;
    of a baseline the first and the last are empty, so that what lies outside its range shows.
    """

    model_config = ConfigDict(json_schema_extra=require_kind)

    kind: Literal["numeric"] = "numeric"
    name: str
    role: ColumnRole = ColumnRole.FEATURE
    missing: Count
    mean: FiniteFloat | None = None
    deviation: FiniteFloat | None = Field(default=None, description="Of a sample")
    quantiles: tuple[FiniteFloat, ...] = Field(
        default=(), description="At equal steps from the minimum to the maximum"
    )
    edges: tuple[FiniteFloat, ...] = ()
    counts: tuple[Count, ...] = Field(description="One more than there are edges")

    @model_validator(mode="after")
    def _a_count_for_each_bin(self) -> "NumericColumn":
        if len(self.counts) != len(self.edges) + 1:
            raise ValueError(f"{len(self.edges)} edges make {len(self.edges) + 1} bins")
        return self

    @property
    def present(self) -> int:
        """How many values there are."""
        return sum(self.counts)


class CategoricalColumn(Record):
    """A column of categories: its top values, and how often each occurs."""

    model_config = ConfigDict(json_schema_extra=require_kind)

    kind: Literal["categorical"] = "categorical"
    name: str
    role: ColumnRole = ColumnRole.FEATURE
    missing: Count
    values: tuple[str, ...] = Field(description="The most frequent ones first")
    counts: tuple[Count, ...] = Field(description="One for each value")
    other: Count = Field(description="How many rows hold any other value")

    @model_validator(mode="after")
    def _a_count_for_each_value(self) -> "CategoricalColumn":
        if len(self.counts) != len(self.values):
            raise ValueError(f"{len(self.values)} values need as many counts")
        return self

    @property
    def present(self) -> int:
        """How many values there are."""
        return sum(self.counts) + self.other


ColumnProfile: TypeAlias = Annotated[NumericColumn | CategoricalColumn, Field(discriminator="kind")]


class DataProfile(Record):
    """What is kept of a table: enough to say later whether another one looks like it."""

    rows: Count
    columns: tuple[ColumnProfile, ...]
    skipped: tuple[str, ...] = Field(
        default=(), description="Columns of dates, lists and the like, which are not profiled"
    )

    @cached_property
    def digest(self) -> Digest:
        """The digest of the profile's canonical JSON."""
        return digest_of(rfc8785.dumps(self.model_dump(mode="json")))

    def column(self, name: str) -> NumericColumn | CategoricalColumn | None:
        """Return a column's profile, or None where the table has no such column."""
        return next((column for column in self.columns if column.name == name), None)


_Share = Annotated[float, Field(gt=0, le=1), NUMBER]


class DriftThresholds(Record):
    """From where on a difference counts; None does not look at it.

    A population stability index of 0.2 is the usual mark of a shift to act upon, and 0.1 that of an
    effect that is no longer small for the others (J. Cohen, *Statistical Power Analysis*, 1988).
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
    """What follows when a version drifts in production."""

    ALERT = "alert"
    DEMOTE = "demote"
    RETRAIN = "retrain"


class DriftRule(Record):
    """What a model's policy says about drift."""

    thresholds: DriftThresholds = Field(default_factory=DriftThresholds)
    columns: dict[str, DriftThresholds] = Field(
        default_factory=dict, description="Columns that have thresholds of their own"
    )
    leave_out: tuple[str, ...] = Field(default=CALENDAR, description="Columns not compared")
    alpha: Annotated[float, Field(gt=0, lt=1), NUMBER] = Field(
        default=0.05, description="Chance of a false alarm in a report, after Holm"
    )
    stage: str = Field(default="production", description="The stage whose holder is watched")
    action: DriftAction = DriftAction.ALERT
    windows: Annotated[int, Field(ge=1), NUMBER] = Field(
        default=1, description="So many partitions in a row must drift before it acts"
    )

    def of(self, column: str) -> DriftThresholds:
        """Return the thresholds of a column."""
        return self.columns.get(column, self.thresholds)


class ColumnDrift(Record):
    """How far one column has moved from its baseline."""

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
        """It moved so far that somebody should look."""
        return bool(self.reasons)

    @property
    def moved(self) -> str:
        """The column as an alarm calls it."""
        return (
            f"the prediction {self.column}" if self.role is ColumnRole.PREDICTION else self.column
        )


def strength(column: ColumnDrift, thresholds: DriftThresholds) -> float:
    """Return how much of its thresholds a column has reached: 1 where it reaches one of them."""
    measured = (
        (column.psi, thresholds.psi),
        (column.jensen_shannon, thresholds.jensen_shannon),
        (column.distance, thresholds.distance),
        (abs(column.missing_now - column.missing_before), thresholds.missing),
    )
    return max((value / threshold for value, threshold in measured if threshold), default=0.0)


class DriftComparison(Record):
    """What a comparison of two profiles found."""

    columns: tuple[ColumnDrift, ...]
    problems: tuple[str, ...] = Field(
        default=(), description="Columns that are gone, or hold another kind of values"
    )

    @property
    def drifted(self) -> bool:
        """Some column moved, is gone, or is another."""
        return bool(self.problems) or any(column.drifted for column in self.columns)


class Expectations(Record):
    """How a suite of Great Expectations went on the data that was compared."""

    suite: str
    passed: StrictBool
    met: Count
    total: Count
    failed: tuple[str, ...] = Field(default=(), description="The expectations that were not met")


class DriftResult(Record):
    """A comparison of one partition of an asset with the data that a version learnt from."""

    reference: str = Field(description="The version: customer_churn/3")
    asset: str = Field(description="The asset that was compared")
    partition: str | None
    baseline: Digest = Field(description="The profile of the version's training data")
    baseline_name: str = Field(description="The training data, in its owner's words")
    data_version: str | None = Field(default=None, description="Of the partition that was read")
    rows: Count
    comparison: DriftComparison
    expectations: tuple[Expectations, ...] = ()
    run_id: str | None = None

    @property
    def drifted(self) -> bool:
        """Somebody should look."""
        return self.comparison.drifted

    @property
    def verdict(self) -> str:
        """One sentence that says what was found."""
        where = f"{self.asset}[{self.partition}]" if self.partition else self.asset
        moved = [column.moved for column in self.comparison.columns if column.drifted]
        found = [*moved, *self.comparison.problems]
        if not found:
            return f"{where} looks like what {self.reference} learnt from"
        return f"{where} differs from what {self.reference} learnt from: {', '.join(found)}"


class RecordedDrift(DriftResult):
    """A result as the registry keeps it."""

    drift_id: int
    at: datetime
    recorded_by: str
    profile: DataProfile
    html: Digest = Field(description="The report's digest")
    markdown: Digest
    alerted_at: datetime | None = Field(default=None, description="When somebody was told")
