"""An evaluation by group: only metrics, so that it holds no row of a person's data."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated

from pydantic import Field, FiniteFloat, model_validator

from pedigree._record import LARGEST, NUMBER, Record
from pedigree.artifacts.records import Digest

OVERALL = "overall"


class Task(StrEnum):
    """The task of a model, which determines the metrics."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"


# The metrics, and whether higher is better; None if neither direction is.
METRICS: Mapping[str, bool | None] = MappingProxyType(
    {
        "accuracy": True,
        "precision": True,
        "true_positive_rate": True,
        "false_positive_rate": False,
        "selection_rate": None,
        "roc_auc": True,
        "mean_absolute_error": False,
        "root_mean_squared_error": False,
        "mean_error": None,
    }
)


class GroupResult(Record):
    """The metrics of a model on the rows of one group, without undefined metrics."""

    group: str
    count: Annotated[int, Field(ge=1, le=LARGEST), NUMBER] = Field(description="Rows")
    metrics: dict[str, FiniteFloat] = Field(default_factory=dict)


class Slice(Record):
    """The groups into which one column, or a combination of columns, divides the rows."""

    name: str = Field(min_length=1, description="The column, or the columns joined by ' & '")
    groups: tuple[GroupResult, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _distinct(self) -> "Slice":
        names = [result.group for result in self.groups]
        if len(set(names)) != len(names):
            raise ValueError(f"slice {self.name!r} has a group twice")
        return self

    def large(self, smallest: int) -> Iterator[GroupResult]:
        """Return the groups with at least ``smallest`` rows, enough for meaningful metrics."""
        return (result for result in self.groups if result.count >= smallest)


class Evaluation(Record):
    """The metrics of a model on its evaluation data, overall and for each group."""

    task: Task
    data: str | None = Field(default=None, description="The ID of the evaluation data")
    overall: GroupResult
    slices: tuple[Slice, ...] = ()

    @model_validator(mode="after")
    def _distinct(self) -> "Evaluation":
        names = [part.name for part in self.slices]
        if len(set(names)) != len(names):
            raise ValueError("a slice is given twice")
        return self

    def slice(self, name: str) -> Slice | None:
        """Return the slice with a name; None if there is none."""
        return next((part for part in self.slices if part.name == name), None)


class KeptEvaluation(Evaluation):
    """An evaluation as the registry stores it with a version."""

    reference: str = Field(description="customer_churn/3")
    revision: int = Field(ge=1, description="1, 2, 3 … per version")
    digest: Digest = Field(description="Digest of the content")
    at: datetime
    recorded_by: str
