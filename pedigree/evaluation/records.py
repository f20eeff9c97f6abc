"""An evaluation by group: numbers alone, so that no row of a person's data is kept."""

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
    """What kind of answer the model gives, which says what can be measured."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"


# What can be measured by group, and whether more of it is better; None where neither is.
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
    """How a model did on the rows of one group; what they cannot tell is left out."""

    group: str
    count: Annotated[int, Field(ge=1, le=LARGEST), NUMBER] = Field(description="Rows")
    metrics: dict[str, FiniteFloat] = Field(default_factory=dict)


class Slice(Record):
    """The groups that one column, or several together, divide the rows into."""

    name: str = Field(min_length=1, description="The column, or columns joined by ' & '")
    groups: tuple[GroupResult, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _distinct(self) -> "Slice":
        names = [each.group for each in self.groups]
        if len(set(names)) != len(names):
            raise ValueError(f"slice {self.name!r} has a group twice")
        return self

    def large(self, smallest: int) -> Iterator[GroupResult]:
        """Give the groups that have enough rows for their numbers to mean something."""
        return (each for each in self.groups if each.count >= smallest)


class Evaluation(Record):
    """How a model did on its evaluation data, as a whole and for each group."""

    task: Task
    data: str | None = Field(default=None, description="The id of the evaluation data")
    overall: GroupResult
    slices: tuple[Slice, ...] = ()

    @model_validator(mode="after")
    def _distinct(self) -> "Evaluation":
        names = [each.name for each in self.slices]
        if len(set(names)) != len(names):
            raise ValueError("a slice is given twice")
        return self

    def slice(self, name: str) -> Slice | None:
        """Return the slice of that name."""
        return next((each for each in self.slices if each.name == name), None)


class KeptEvaluation(Evaluation):
    """An evaluation as the registry keeps it with a version."""

    reference: str = Field(description="customer_churn/3")
    revision: int = Field(ge=1, description="1, 2, 3 … per version")
    digest: Digest = Field(description="Of what it says")
    at: datetime
    recorded_by: str
