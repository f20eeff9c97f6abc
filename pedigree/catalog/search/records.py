"""What a search answers."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, TypeAlias

from pydantic import Field

from pedigree._record import Record
from pedigree.catalog.records import ModelVersion

if TYPE_CHECKING:
    import pandas as pd

Facet: TypeAlias = Literal["stage", "flavor", "owner", "tag"]


class FacetValue(Record):
    """How many of the versions found have a value."""

    value: str
    count: int


class SearchPage(Record):
    """One page of what was found; iterating gives its versions."""

    records: tuple[ModelVersion, ...]
    next: str | None = Field(
        default=None, description="Give it as `after` for the next page; None on the last"
    )
    total: int | None = Field(default=None, description="How many there are in all, if asked for")
    facets: dict[Facet, tuple[FacetValue, ...]] = Field(
        default_factory=dict, description="The most frequent values of all that was found"
    )
    ranked_newest: int | None = Field(
        default=None, description="By rank: only the newest so many hits were ranked"
    )

    def __iter__(self) -> Iterator[ModelVersion]:  # type: ignore[override]
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)

    def to_pandas(self) -> "pd.DataFrame":
        """Return a row a version; tags, metrics and params are columns such as ``metrics.auc``.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        from pedigree.catalog.search.dataframe import to_pandas  # noqa: PLC0415 -- loads pandas

        return to_pandas(self.records)
