"""Registered models and their versions, and the required and optional metadata of a version."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from pedigree._record import Record
from pedigree._values import GRAPH, JsonObject, Key, Texts
from pedigree.artifacts.records import Digest
from pedigree.catalog.metadata_fields import About, ApprovalStatus, about_fields
from pedigree.catalog.metadata_records import DeclaredMetadata as DeclaredMetadata  # noqa: PLC0414
from pedigree.catalog.metadata_records import Metrics as Metrics  # noqa: PLC0414
from pedigree.catalog.metadata_records import Params as Params  # noqa: PLC0414
from pedigree.catalog.metadata_records import RecordedMetadata as RecordedMetadata  # noqa: PLC0414
from pedigree.catalog.metadata_records import Tags as Tags  # noqa: PLC0414
from pedigree.catalog.seal_states import SealState as SealState  # noqa: PLC0414
from pedigree.catalog.seal_states import unsealed_data_version, why_unsealed
from pedigree.flavors.records import NO_LIVE_MODEL, Verification
from pedigree.lineage.environment import environment_hash
from pedigree.lineage.records import LineageGraph


class ModelMetadata(RecordedMetadata):
    """All metadata of a version, as the JSON Schema ``model-metadata.json`` describes it."""

    model_name: Annotated[str, About("the name in `register`, or of the model asset")] = Field(
        description="The registered model's name"
    )
    version_id: Annotated[int, About("the registry, under a lock on the model")] = Field(
        ge=1, description="1, 2, 3 … per model, without gap, never reused"
    )
    artifact_uri: Annotated[str | None, About("the registry, from the manifest's sha256")] = Field(
        description="The artifact by digest: pedigree://artifacts/sha256:…; null if not sealed"
    )
    created_by: Annotated[
        str, About("the token, `PEDIGREE_ACTOR`, the run's tag, git's e-mail or the OS user")
    ] = Field(description="Who registered it")
    created_at: Annotated[AwareDatetime, About("the database's clock")] = Field(
        description="When it was registered"
    )
    model_card_uri: Annotated[str | None, About("the registry, when the card is written")] = Field(
        default=None, description="The model card by digest: pedigree://blobs/sha256:…"
    )
    approval_status: Annotated[
        ApprovalStatus, About("the registry, when somebody approves or rejects")
    ] = Field(default=ApprovalStatus.NONE, description="Whether it is approved or rejected")
    approval_notes: Annotated[str | None, About("the person who approved or rejected")] = Field(
        default=None, description="The comment of that decision"
    )
    approved_by: Annotated[str | None, About("the registry: the actor of the approval")] = Field(
        default=None, description="Who approved it"
    )
    approval_timestamp: Annotated[AwareDatetime | None, About("the database's clock")] = Field(
        default=None, description="When it was approved"
    )
    verification: Annotated[
        Verification,
        About("`register_model` or the model asset, which have the model in memory"),
    ] = Field(
        default=NO_LIVE_MODEL,
        description="Whether its bytes, loaded in a new process, predict the same as the model;"
        " from the first verified training, else the first training",
    )


class ModelVersion(ModelMetadata):
    """A version in its present state: its metadata, stage and aliases."""

    digest: Digest | None = Field(
        description="The artifact's digest, which is final; null if not sealed"
    )
    state: SealState = Field(
        default=SealState.SEALED,
        description="Whether the registry has its bytes: sealed; or pending, failed, or reference"
        " if they are elsewhere",
    )
    state_reason: str | None = Field(
        default=None, description="Why it failed, or who says where its bytes are"
    )
    last_updated_at: AwareDatetime | None = Field(
        default=None,
        description="When its stage or its description changed last, or its model was renamed; null"
        " since its creation",
    )
    created_by_source: str
    size: int | None = Field(ge=0, description="The size of all files in bytes; null if not sealed")
    stage: str = "none"
    stage_since: datetime | None = None
    aliases: tuple[str, ...] = ()
    quarantine_reason: str | None = None
    hold_reason: str | None = Field(default=None, description="Why a legal hold protects it")
    overrides: int = Field(
        default=0,
        ge=0,
        description="How often somebody let it enter a stage past gates that it had not passed",
    )
    generation: int = Field(
        ge=0, description="Grows with each change of a stage, an alias or the policy of the model"
    )
    trainings: int = Field(
        ge=0, description="How many trainings produced these bytes; 0 if none is known"
    )

    @property
    def reference(self) -> str:
        """``customer_churn/3``."""
        return f"{self.model_name}/{self.version_id}"

    @property
    def updated_at(self) -> datetime:
        """When it was changed last, or created."""
        return self.last_updated_at or self.created_at

    @property
    def data_version(self) -> str:
        """What identifies its bytes in an asset graph: the digest, or else its reference."""
        return self.digest or unsealed_data_version(self.reference)

    @property
    def why_unsealed(self) -> str | None:
        """Why the registry does not have its bytes; None if it is sealed."""
        return why_unsealed(self.state, self.state_reason)


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


class RegisteredModel(Record):
    """A named model that has versions."""

    name: str
    description: str | None = None
    owners: Texts = ()
    tags: Tags = Field(default_factory=dict)
    created_by: str
    created_at: datetime
    last_updated_at: AwareDatetime = Field(
        description="When its name or description changed last, or a version was registered, moved"
        " or deleted"
    )
    generation: int
    latest_version: int = Field(
        ge=0, description="The highest version number used; 0 without a version"
    )
    stages: dict[str, tuple[int, ...]] = Field(
        default_factory=dict,
        description="Stage → the versions that hold it, at most the newest twenty",
    )
    aliases: dict[str, int] = Field(default_factory=dict)


class TrainingOrigin(Record):
    """Where a training ran, in Dagster or outside."""

    instance_id: Key | None = Field(default=None, description="The Dagster instance")
    job_name: str | None = None
    step_key: Key | None = None
    asset: Key | None = Field(default=None, description="The key of the model asset, if any")
    partition: Key | None = None
    config: JsonObject | None = Field(
        default=None, description="The configuration of the step in its run"
    )


class Training(Record):
    """One run that produced a version's bytes; a version has one or more."""

    training_id: str
    origin: TrainingOrigin
    metadata: RecordedMetadata
    verification: Verification = Field(
        default=NO_LIVE_MODEL,
        description="Whether its saved files, loaded in a new process, predict as its model does",
    )
    created_by: str
    created_by_source: str
    created_at: datetime


_PACKAGES = TypeAdapter(tuple[str, ...])


class StatedVersion(Record):
    """What is stated about a new version except its bytes."""

    metadata: RecordedMetadata
    environment: tuple[str, ...] = Field(
        default=(),
        description="The installed packages, name==version; environment_hash follows from them",
    )
    origin: TrainingOrigin = TrainingOrigin()
    lineage: Annotated[LineageGraph, GRAPH] = LineageGraph()
    verification: Verification = Field(
        default=NO_LIVE_MODEL,
        description="The result of loading the files in a new process and comparing with the model",
    )

    @model_validator(mode="before")
    @classmethod
    def _hash_environment(cls, given: Any) -> Any:
        """Compute the hash from the packages; a given hash must match them."""
        if not isinstance(given, dict) or not given.get("environment"):
            return given
        try:
            metadata = cls._metadata_of(given)
            found = environment_hash(_PACKAGES.validate_python(given["environment"]))
        except ValidationError:
            return given  # the validation of the fields reports the error
        if metadata.environment_hash not in (None, found):
            raise ValueError(
                f"environment_hash {metadata.environment_hash} is not that of the packages given"
            )
        return {**given, "metadata": metadata.model_copy(update={"environment_hash": found})}

    @classmethod
    def _metadata_of(cls, given: Mapping[str, Any]) -> RecordedMetadata:
        return RecordedMetadata.model_validate(given.get("metadata"))

    @property
    def has_training(self) -> bool:
        """Whether anything is known of the training that made the bytes."""
        stated = self.metadata
        return bool(self.lineage.nodes) or any(
            getattr(stated, name) not in (None, {}, ())
            for name, about in about_fields(RecordedMetadata).items()
            if about.trained and not about.shown
        )


class NewVersion(StatedVersion):
    """Everything that ``register`` needs except the bytes."""

    metadata: DeclaredMetadata

    @classmethod
    def _metadata_of(cls, given: Mapping[str, Any]) -> DeclaredMetadata:
        return DeclaredMetadata.model_validate(given.get("metadata"))

    @property
    def has_training(self) -> bool:
        """True: who registers a version has trained it."""
        return True


class SourcedVersion(StatedVersion):
    """What a client of the MLflow protocol, or an import, states about a version."""

    source: VersionSource
    state: Literal[SealState.PENDING, SealState.REFERENCE] = Field(
        default=SealState.PENDING, description="Its state as long as it has no digest"
    )
    state_reason: str | None = Field(
        default=None, description="Who says that its bytes are there, if it is by reference"
    )


class Registration(Record):
    """The result of ``register``."""

    version: ModelVersion
    created: bool = Field(description="False if the model already has the same bytes")
    training_id: str | None = Field(
        description="The training; null if none is known, which only other protocols allow"
    )
    notice: str | None = Field(
        default=None,
        description="For an existing version: which of the given fields it does not show, and why"
        " it does not become a candidate by itself; for any version: its data is in quarantine",
    )
