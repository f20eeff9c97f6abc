"""The result of a run of an asset check of users."""

from datetime import datetime

from pydantic import Field, StrictBool

from pedigree._record import Record
from pedigree._values import JsonObject, Key
from pedigree.artifacts.records import Digest
from pedigree.lifecycle.records import Severity


class CheckRun(Record):
    """The result of one run of a custom asset check, and the checked bytes, if known."""

    instance_id: Key = Field(description="The Dagster instance")
    event_id: int = Field(description="The evaluation's storage id there")
    check: Key = Field(min_length=1)
    passed: StrictBool
    severity: Severity = Severity.ERROR
    digest: Digest | None = Field(description="The checked artifact; None: unknown")
    problem: str | None = Field(default=None, description="Why that is unknown")
    summary: str
    details: JsonObject = Field(default_factory=dict)
    run_id: str | None = None
    looked_at: datetime
