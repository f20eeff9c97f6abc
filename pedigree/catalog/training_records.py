"""Trainings in their Dagster instance: how to repeat one, and which ones no graph shows."""

from datetime import datetime

from pydantic import Field, JsonValue

from pedigree._record import Record


class RetrainRequest(Record):
    """How a version was trained, for a run that repeats the training on the present data."""

    reference: str
    asset: str = Field(description="The key of the model's asset, parts joined by /")
    partition: str | None
    step_key: str | None
    config: dict[str, JsonValue] | None = Field(
        description="The step's configuration, which may name the partitions that it reads"
    )
    run_id: str = Field(description="The run that trained it")


class Unmaterialized(Record):
    """A training in Dagster that no asset graph shows while its instance is unreachable."""

    training_id: str
    reference: str
    run_id: str
    instance_id: str
    since: datetime = Field(description="When it was registered")
    seen_at: datetime | None = Field(description="When the instance's mirror ran last; None: never")
