"""What a list shows of a model, and how one asks for the list."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field

from pedigree._record import Record

MOST_COUNTED = 1_000
"""A larger number of models is given as one more than this, and stands for "more"."""


class Attention(StrEnum):
    """Why somebody should look at a model."""

    WAITING = "waiting"
    """A version of it asks for a stage."""
    STALE = "stale"
    """Newer data or code than that of the version in production was last seen."""
    DRIFTED = "drifted"
    """The newest comparison of an asset with the training data of the version in production."""
    QUARANTINED = "quarantined"
    """The version in production, or the latest one, is in quarantine."""
    NO_PRODUCTION = "no_production"
    """No version is in production."""


class ModelOrder(StrEnum):
    """The orders of a list; models with equal values follow each other by name."""

    NAME = "name"
    NEWEST = "newest"
    """By the time of the latest version, the newest first; without one, of the model."""
    METRIC = "metric"
    """By the value of the headline metric, the largest first; models without one are last."""
    WAITING = "waiting"
    """By the time since which a version asks for a stage, the longest first; others are last."""


class ModelFacet(StrEnum):
    """What a list can be narrowed down by."""

    STAGE = "stage"
    TEAM = "team"
    OWNER = "owner"
    RISK_CLASS = "risk_class"
    ATTENTION = "attention"


class ListedModel(Record):
    """What a list shows of a model."""

    name: str
    description: str | None = Field(description="Its beginning")
    owners: tuple[str, ...]
    team: str | None = Field(description="The tag `team`")
    created_at: datetime
    versions: int = Field(description="The number of its versions, without deleted ones")
    stages: tuple[str, ...] = Field(description="The stages that its versions hold")
    champion: int | None = Field(description="The version in production")
    champion_since: datetime | None
    latest: int | None = Field(description="The highest version")
    latest_stage: str | None
    latest_at: datetime | None
    metric: str | None = Field(description="The champion metric of its policy")
    value: float | None = Field(description="Of the champion, else of the latest version")
    trend: tuple[float | None, ...] = Field(
        description="The metric's values for the last twelve versions, the oldest first"
    )
    risk_class: str | None = Field(description="Of the champion, else of the latest version")
    requests: int = Field(description="The number of open requests for stages")
    asking: int | None = Field(description="The version of the oldest open request")
    request_id: int | None
    asking_since: datetime | None
    stale: bool | None = Field(description="Of the champion; None if that is not known")
    stale_seen_at: datetime | None
    drifted: bool | None = Field(description="Of the champion; None without a comparison")
    drift_at: datetime | None
    quarantined: tuple[int, ...] = Field(
        description="The champion and the latest version, if they are in quarantine"
    )
    attention: tuple[Attention, ...]


class FacetCount(Record):
    """A value of a facet, and the number of models that have it, up to 1,001."""

    value: str
    models: int


class ModelFacetCounts(Record):
    """The most frequent values of a facet."""

    values: tuple[FacetCount, ...] = ()
    more: int = Field(default=0, description="How many other values there are")


class ModelFilter(Record):
    """What the models of a list have in common."""

    words: Annotated[str, Field(max_length=1_000)] = Field(
        default="", description="Each of them is part of the name or the description"
    )
    stage: str | None = Field(default=None, description="A version holds it")
    team: str | None = None
    owner: str | None = None
    risk_class: str | None = None
    attention: Attention | None = None

    def chosen(self, facet: ModelFacet) -> str | None:
        """Return the value that is chosen of a facet; None if all are."""
        value: str | None = getattr(self, facet.value)
        return value


class ModelPage(Record):
    """A page of models, with the counts of all that fit."""

    models: tuple[ListedModel, ...]
    next: str | None = Field(description="Give it as `after` for the next page; None on the last")
    fitting: int = Field(description="The number of models that fit, up to 1,001")
    facets: dict[ModelFacet, ModelFacetCounts]
    all_models: int = Field(description="The number of models that the caller may read")
    all_versions: int = Field(description="The number of their versions")

    def sorted(self) -> Self:
        """Return the same with the values of facets in their order: by count, then by name.

        People are stored by pseudonyms, so the database cannot sort them by name.
        """
        facets = {
            facet: counts.model_copy(
                update={
                    "values": tuple(
                        sorted(counts.values, key=lambda each: (-each.models, each.value))
                    )
                }
            )
            for facet, counts in self.facets.items()
        }
        return self.model_copy(update={"facets": facets})
