"""The results of a search."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, TypeAlias

from pydantic import Field

from pedigree._record import Record
from pedigree.catalog.records import ModelVersion

if TYPE_CHECKING:
    import pandas as pd

Facet: TypeAlias = Literal["stage", "flavor", "owner", "tag"]


class FacetValue(Record):
    """The number of found versions that have a value."""

    value: str
    count: int


class SearchPage(Record):
    """One page of results; iteration yields its versions."""

    records: tuple[ModelVersion, ...]
    next: str | None = Field(
        default=None, description="Give it as `after` for the next page; None on the last"
    )
    total: int | None = Field(default=None, description="The number of all results, if requested")
    total_is_estimate: bool = Field(
        default=False,
        description="Whether `total` is an estimate from a sample: counting takes too long",
    )
    facets: dict[Facet, tuple[FacetValue, ...]] = Field(
        default_factory=dict, description="The most frequent values of all results"
    )
    facets_are_estimates: bool = Field(
        default=False,
        description="Whether the counts in `facets` are estimates from a sample",
    )
    ranked_newest: int | None = Field(
        default=None, description="By rank: only this number of newest hits was ranked"
    )

    def __iter__(self) -> Iterator[ModelVersion]:  # type: ignore[override]
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)

    def to_pandas(self) -> "pd.DataFrame":
        """Return a row per version; tags, metrics and params are columns such as ``metrics.auc``.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        from pedigree.catalog.search.dataframe import to_pandas  # noqa: PLC0415 -- loads pandas

        return to_pandas(self.records)
