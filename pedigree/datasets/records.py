"""Datasheets of assets, and verdicts on their data."""

from datetime import datetime
from typing import Literal, TypeAlias, get_args

from pydantic import Field, JsonValue, StrictBool, model_validator

from pedigree._record import Integer, Record
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
    """What people have to say of a data set, or where they say it.

    The sections are those of Gebru et al., "Datasheets for Datasets" (2021).
    """

    motivation: str | None = Field(default=None, description="Why it was made, and by whom")
    composition: str | None = Field(default=None, description="What its rows are, and of whom")
    collection: str | None = Field(default=None, description="How and when it was collected")
    preprocessing: str | None = Field(default=None, description="What was cleaned or labelled")
    uses: str | None = Field(default=None, description="What it is fit for, and what not")
    distribution: str | None = Field(default=None, description="How it is published; its license")
    maintenance: str | None = Field(default=None, description="Who keeps it, and how it changes")
    uri: str | None = Field(default=None, description="A whole datasheet that is kept elsewhere")

    @model_validator(mode="after")
    def _says_something(self) -> "Datasheet":
        if not self.sections and not self.uri:
            raise ValueError(f"give a uri, or one of {', '.join(SECTIONS)}")
        return self

    @property
    def sections(self) -> tuple[str, ...]:
        """The sections that are filled."""
        return tuple(name for name in SECTIONS if (getattr(self, name) or "").strip())


class KeptDatasheet(Datasheet):
    """A datasheet as the registry keeps it."""

    asset: str = Field(description="The asset's key, parts joined by /")
    revision: int = Field(ge=1, description="1, 2, 3 … per asset")
    digest: Digest = Field(description="Of what it says")
    at: datetime
    recorded_by: str


class DataState(Record):
    """One state of an asset's data (or of one partition): what a check looked at."""

    asset: str = Field(min_length=1, description="The asset's key, parts joined by /")
    partition: str | None = None
    storage_id: Integer | None = Field(default=None, description="Dagster's id of its event")
    materialized_by: str | None = Field(default=None, description="The run that wrote it")
    data_version: str | None = Field(
        default=None, description="Only where it speaks for the content, as a hash does"
    )


class DataVerdict(DataState):
    """What a check found on one state of some data, such as a suite of expectations."""

    check: str = Field(min_length=1)
    passed: StrictBool
    severity: Literal["error", "warn"] = "error"
    summary: str = Field(description="One sentence that says what was found")
    details: dict[str, JsonValue] = Field(default_factory=dict)
    run_id: str | None = Field(default=None, description="The run that checked it")


class RecordedDataVerdict(DataVerdict):
    """Such a verdict as the registry keeps it."""

    at: datetime
    recorded_by: str
