"""A version of the MLflow protocol or of an import, and where it comes from."""

from typing import Literal

from pydantic import Field

from pedigree._record import Record
from pedigree._values import JsonObject
from pedigree.catalog.records import StatedVersion
from pedigree.catalog.seal_states import SealState


class VersionSource(Record):
    """Where a version of the MLflow protocol or of an import comes from; it never changes.

    A version that our own ``register`` made has none.
    """

    source: str = Field(description="The source as the client sent it")
    location: str | None = Field(
        default=None, description="Where the bytes are, as far as the source was resolved"
    )
    run_id: str | None = Field(default=None, description="The MLflow run")
    run_link: str | None = Field(default=None, description="A link to the run")
    logged_model_id: str | None = Field(default=None, description="MLflow's id of a logged model")
    claimed: JsonObject | None = Field(
        default=None, description="What an import found: the original times and users"
    )


class SourcedVersion(StatedVersion):
    """What a client of the MLflow protocol, or an import, states about a version."""

    source: VersionSource
    state: Literal[SealState.PENDING, SealState.REFERENCE] = Field(
        default=SealState.PENDING, description="Its state as long as it has no digest"
    )
    state_reason: str | None = Field(
        default=None, description="Who says that its bytes are there, if it is by reference"
    )
