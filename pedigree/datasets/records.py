"""Datasheets of assets, and verdicts on their data."""

from datetime import datetime
from typing import Literal, TypeAlias, get_args

from pydantic import Field, StrictBool, model_validator

from pedigree._record import Integer, Record
from pedigree._values import JsonObject, Key
from pedigree.artifacts.records import Digest

Section: TypeAlias = Literal[
    "motivation",
    "composition",
    "collection",
    "preprocessing",
    "uses",
    "distribution",
    "maintenance",
]
SECTIONS: tuple[Section, ...] = get_args(Section)


class Datasheet(Record):
    """A data set's documentation by people, or a link to it.

    The sections are those of Gebru et al., "Datasheets for Datasets" (2021).
    """

    motivation: str | None = Field(
        default=None, description="Why the data set was created, and by whom"
    )
    composition: str | None = Field(
        default=None, description="What the rows are, and whom they describe"
    )
    collection: str | None = Field(default=None, description="How and when the data was collected")
    preprocessing: str | None = Field(default=None, description="What was cleaned or labeled")
    uses: str | None = Field(default=None, description="Suitable and unsuitable uses")
    distribution: str | None = Field(
        default=None, description="How it is published, and its license"
    )
    maintenance: str | None = Field(
        default=None, description="Who maintains it, and how it changes"
    )
    uri: str | None = Field(default=None, description="Link to a full datasheet elsewhere")

    @model_validator(mode="after")
    def _require_content(self) -> "Datasheet":
        if not self.sections and not self.uri:
            raise ValueError(f"give a uri, or one of {', '.join(SECTIONS)}")
        return self

    @property
    def sections(self) -> tuple[str, ...]:
        """The names of the sections that have text."""
        return tuple(name for name in SECTIONS if (getattr(self, name) or "").strip())


class KeptDatasheet(Datasheet):
    """A datasheet as the registry stores it."""

    asset: str = Field(description="Asset key, parts joined by /")
    revision: int = Field(ge=1, description="1, 2, 3 … per asset")
    digest: Digest = Field(description="Digest of the content")
    at: datetime
    recorded_by: str


class DataState(Record):
    """The state of an asset's data, or of one partition, that a check examined."""

    asset: Key = Field(min_length=1, description="Asset key, parts joined by /")
    partition: Key | None = None
    storage_id: Integer | None = Field(
        default=None, description="Dagster's storage ID of the event"
    )
    materialized_by: str | None = Field(default=None, description="The run that wrote the data")
    data_version: Key | None = Field(
        default=None, description="Data version; only if it identifies the content, such as a hash"
    )


class DataVerdict(DataState):
    """The result of a data check, such as a suite of expectations, on one state of data."""

    check: Key = Field(min_length=1)
    passed: StrictBool
    severity: Literal["error", "warn"] = "error"
    summary: str = Field(description="The finding in one sentence")
    details: JsonObject = Field(default_factory=dict)
    run_id: str | None = Field(default=None, description="The run of the check")


class RecordedDataVerdict(DataVerdict):
    """A verdict on data as the registry stores it."""

    data_verdict_id: int
    at: datetime
    recorded_by: str
