"""What a registry of MLflow has: models, versions, and what is known of the runs that made them.

Everything here is claimed by MLflow. Times are those of its clock, users those that its clients
named.
"""

from datetime import UTC, datetime

from pydantic import Field, JsonValue

from pedigree._record import Record

READY = "READY"
NO_STAGE = "None"


class OriginModel(Record):
    """A registered model of MLflow."""

    name: str
    description: str = ""
    tags: dict[str, str] = Field(default_factory=dict)
    aliases: dict[str, int] = Field(default_factory=dict)
    """The number of the version that each alias names."""
    created_at: datetime | None = None
    updated_at: datetime | None = None


class OriginVersion(Record):
    """A version of MLflow."""

    name: str
    number: int
    description: str = ""
    tags: dict[str, str] = Field(default_factory=dict)
    stage: str = NO_STAGE
    """``None``, ``Staging``, ``Production`` or ``Archived``."""
    status: str = READY
    status_message: str = ""
    source: str = ""
    location: str | None = None
    """Where its files are, if the origin states it with the version."""
    run_id: str | None = None
    run_link: str | None = None
    logged_model_id: str | None = None
    user: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


class OriginDataset(Record):
    """An input of a run."""

    name: str
    digest: str
    source_type: str = ""
    source: str = ""
    context: str | None = None
    """What the run used it for, such as ``training``."""


class OriginRun(Record):
    """A run of MLflow."""

    run_id: str
    experiment_id: str = ""
    user: str | None = None
    status: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    artifacts: str | None = None
    """The root of its artifacts."""
    metrics: dict[str, float] = Field(default_factory=dict)
    params: dict[str, str] = Field(default_factory=dict)
    tags: dict[str, str] = Field(default_factory=dict)
    datasets: tuple[OriginDataset, ...] = ()


class OriginLoggedModel(Record):
    """A logged model of MLflow 3, which is the source of a version."""

    model_id: str
    run_id: str | None = None
    artifacts: str | None = None
    metrics: dict[str, float] = Field(default_factory=dict)
    params: dict[str, str] = Field(default_factory=dict)
    tags: dict[str, str] = Field(default_factory=dict)
    created_at: datetime | None = None


class OriginFacts(Record):
    """What the tracking part of MLflow knows of a version, as far as it answers."""

    run: OriginRun | None = None
    logged_model: OriginLoggedModel | None = None
    location: str | None = None
    """Where the files of the version are."""

    def claimed(self) -> dict[str, JsonValue]:
        """Return what is kept as claimed by MLflow, and has no field of its own in a record."""
        run, logged = self.run, self.logged_model
        found: dict[str, JsonValue] = {}
        if run is not None:
            found["run"] = run.model_dump(
                mode="json", exclude={"metrics", "params", "artifacts"}, exclude_defaults=True
            )
        if logged is not None:
            found["logged_model"] = logged.model_dump(
                mode="json", exclude={"metrics", "params", "artifacts"}, exclude_defaults=True
            )
        return found


def time_of(milliseconds: object) -> datetime | None:
    """Return the time that MLflow states in milliseconds since 1970; None if it states none.

    >>> time_of(1_700_000_000_123).isoformat()
    '2023-11-14T22:13:20.123000+00:00'
    >>> time_of(None) is time_of(10**18) is None
    True
    """
    if not isinstance(milliseconds, int | float | str) or milliseconds == "":
        return None
    try:
        whole, rest = divmod(int(milliseconds), 1000)
        return datetime.fromtimestamp(whole, UTC).replace(microsecond=rest * 1000)
    except (ValueError, OverflowError, OSError):
        return None
