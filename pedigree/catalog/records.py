"""Registered models and their versions, and the metadata that a version must and may carry."""

from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias

from pydantic import (
    AwareDatetime,
    Field,
    FiniteFloat,
    JsonValue,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from pedigree._record import Record
from pedigree.artifacts.records import Digest
from pedigree.flavors.records import NO_LIVE_MODEL, Verification
from pedigree.lineage.environment import environment_hash
from pedigree.lineage.records import Certainty, LineageGraph
from pedigree.signatures.records import Signature

Tags: TypeAlias = dict[str, str]
Params: TypeAlias = dict[str, JsonValue]
Metrics: TypeAlias = dict[str, FiniteFloat]


class ApprovalStatus(StrEnum):
    """Where a version stands with the people who must say yes."""

    NONE = "none"
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


class RiskClass(StrEnum):
    """The risk classes of the EU AI Act, Regulation (EU) 2024/1689."""

    MINIMAL = "minimal"
    LIMITED = "limited"
    HIGH = "high"
    UNACCEPTABLE = "unacceptable"


class DeclaredMetadata(Record):
    """What the caller of ``register`` states about a version.

    The first five fields are required; a value that is not known is left out, never invented.
    """

    flavor: str = Field(min_length=1, description="How to load it: sklearn, onnx, generic, …")
    signature: Signature = Field(description="Typed inputs and outputs")
    run_id: str = Field(min_length=1, description="The run that made it")
    git_commit: str = Field(
        pattern=r"^[0-9a-f]{7,64}$", description="The commit of the training code"
    )
    git_dirty: bool = Field(description="The work tree differed from the commit")
    git_source: str = Field(
        default="caller", description="Where the commit was learnt from, such as caller or worktree"
    )
    code_version: str | None = Field(default=None, description="The asset's code version")
    training_data_digest: str | None = Field(
        default=None, description="One digest over the data versions of all direct inputs"
    )
    training_data_version: str | None = Field(
        default=None, description="The data's version in its owner's words"
    )
    validation_dataset_id: str | None = Field(
        default=None, description="The data that the metrics were computed on"
    )
    metrics: Metrics = Field(default_factory=dict, description="Evaluation metrics, finite numbers")
    params: Params = Field(default_factory=dict, description="Hyperparameters and run config")
    environment_hash: Digest | None = Field(
        default=None, description="Over the sorted list of installed packages"
    )
    ci_build: str | None = Field(default=None, description="The URL or id of the CI build")
    drift_monitor_id: str | None = Field(default=None, description="What watches it for drift")
    datasheet_uri: str | None = Field(default=None, description="The training data's datasheet")
    description: str | None = Field(default=None, description="What it is, in a few sentences")
    owners: tuple[str, ...] = Field(default=(), description="Who answers for it")
    tags: Tags = Field(default_factory=dict, description="Any further words, key and value")
    risk_class: RiskClass | None = Field(
        default=None, description="The class of its use under the EU AI Act"
    )
    risk_assessment_id: str | None = Field(
        default=None, description="The assessment that the risk class was taken from"
    )


class ModelMetadata(DeclaredMetadata):
    """All metadata of a version: what its JSON Schema, ``model-metadata.json``, describes."""

    model_name: str = Field(description="The registered model's name")
    version_id: int = Field(ge=1, description="1, 2, 3 … per model, without gap, never reused")
    artifact_uri: str = Field(description="The artifact by digest: pedigree://artifacts/sha256:…")
    created_by: str = Field(description="Who registered it")
    created_at: AwareDatetime = Field(description="When it was registered")
    model_card_uri: str | None = Field(
        default=None, description="The model card by digest: pedigree://blobs/sha256:…"
    )
    approval_status: ApprovalStatus = Field(
        default=ApprovalStatus.NONE, description="Where it stands with those who must say yes"
    )
    approval_notes: str | None = Field(default=None, description="What they wrote beside it")
    approved_by: str | None = Field(default=None, description="Who said yes")
    approval_timestamp: AwareDatetime | None = Field(
        default=None, description="When, by the database's clock"
    )
    verification: Verification = Field(
        default=NO_LIVE_MODEL,
        description="Whether its bytes, loaded in a new process, predict what the model did; of its"
        " trainings the first that was verified, else the first",
    )


class ModelVersion(ModelMetadata):
    """A version as it stands now: its metadata, and what moves about it."""

    digest: Digest
    created_by_source: str
    size: int = Field(ge=0, description="Bytes of all files")
    stage: str = "none"
    stage_since: datetime | None = None
    aliases: tuple[str, ...] = ()
    quarantine_reason: str | None = None
    hold_reason: str | None = Field(default=None, description="Why a legal hold protects it")
    generation: int = Field(
        ge=0, description="Grows whenever a stage, an alias or the policy of the model moves"
    )
    trainings: int = Field(ge=1, description="How many runs produced these very bytes")

    @property
    def reference(self) -> str:
        """``customer_churn/3``."""
        return f"{self.model_name}/{self.version_id}"


class RegisteredModel(Record):
    """A name under which versions are kept."""

    name: str
    description: str | None = None
    owners: tuple[str, ...] = ()
    tags: Tags = Field(default_factory=dict)
    created_by: str
    created_at: datetime
    generation: int
    latest_version: int = Field(ge=0, description="The highest number given out; 0 if none was")
    stages: dict[str, tuple[int, ...]] = Field(
        default_factory=dict,
        description="Stage → the versions that hold it, the newest twenty of them at most",
    )
    aliases: dict[str, int] = Field(default_factory=dict)


class TrainingOrigin(Record):
    """Where in Dagster (or outside) a training happened."""

    instance_id: str | None = Field(default=None, description="Which Dagster instance")
    job_name: str | None = None
    step_key: str | None = None
    asset: str | None = Field(default=None, description="The model asset's key, if it was one")
    partition: str | None = None
    config: dict[str, JsonValue] | None = Field(
        default=None, description="How the step was configured in its run, as the run has it"
    )


class Training(Record):
    """One run that produced a version's bytes; a version has one or more."""

    training_id: str
    origin: TrainingOrigin
    metadata: DeclaredMetadata
    verification: Verification = Field(
        default=NO_LIVE_MODEL,
        description="Whether what it saved, loaded in a new process, predicts what its model did",
    )
    created_by: str
    created_by_source: str
    created_at: datetime


_PACKAGES = TypeAdapter(tuple[str, ...])


class NewVersion(Record):
    """All that ``register`` needs beside the bytes."""

    metadata: DeclaredMetadata
    environment: tuple[str, ...] = Field(
        default=(), description="The installed packages, name==version; gives environment_hash"
    )
    origin: TrainingOrigin = TrainingOrigin()
    lineage: LineageGraph = LineageGraph()
    verification: Verification = Field(
        default=NO_LIVE_MODEL,
        description="What whoever has the model found when it loaded the files in a new process",
    )

    @model_validator(mode="before")
    @classmethod
    def _hash_environment(cls, given: Any) -> Any:
        """Let the packages give the hash; a hash that is given must be theirs."""
        if not isinstance(given, dict) or not given.get("environment"):
            return given
        try:
            metadata = DeclaredMetadata.model_validate(given.get("metadata"))
            found = environment_hash(_PACKAGES.validate_python(given["environment"]))
        except ValidationError:
            return given  # the fields themselves will say what is wrong with them
        if metadata.environment_hash not in (None, found):
            raise ValueError(
                f"environment_hash {metadata.environment_hash} is not that of the packages given"
            )
        return {**given, "metadata": metadata.model_copy(update={"environment_hash": found})}


class Registration(Record):
    """What ``register`` answers."""

    version: ModelVersion
    created: bool = Field(description="False when the same bytes were there already")
    training_id: str
    notice: str | None = Field(
        default=None,
        description="Of an existing version: which fields stated now it does not show, and why"
        " it will not become a candidate by itself; of any: that its data is in quarantine",
    )


class Quarantine(Record):
    """Data, or one version, in quarantine; and the versions that are marked for it."""

    quarantine_id: int
    asset: str | None = Field(description="None where a single version is meant")
    partition: str | None = Field(description="None: all partitions, or an asset without any")
    since: datetime | None = Field(description="Only data recorded from then on")
    reason: str
    at: datetime
    quarantined_by: str
    only_certain: bool = Field(
        description="It marks only versions that certainly depend on the data, not those that "
        "possibly do; also of those that are registered later"
    )
    versions: tuple[str, ...] = Field(description="References of the versions that it marks")
    possible: tuple[str, ...] = Field(
        description="Those of them that only possibly depend on the data"
    )

    def marks(self, certainty: Certainty) -> bool:
        """Say whether it marks versions that depend on the data so certainly."""
        return certainty.certain or (certainty is Certainty.POSSIBLE and not self.only_certain)


class Quarantined(Quarantine):
    """Data that was just put in quarantine, and the versions that are not marked for it."""

    spared: tuple[str, ...] = Field(
        description="Versions that possibly depend on the data, spared by only_certain"
    )
    unknown: tuple[str, ...] = Field(
        description="Versions of which it is not known whether they depend on the data"
    )
    without_lineage: int = Field(
        description="How many further versions have a training without recorded lineage, so that "
        "nothing is known about them"
    )


class RetrainRequest(Record):
    """How a version was trained, for a run that does the same again on the data of today."""

    reference: str
    asset: str = Field(description="The key of the model's asset, parts joined by /")
    partition: str | None
    step_key: str | None
    config: dict[str, JsonValue] | None = Field(
        description="The step's configuration, which may name the partitions that it reads"
    )
    run_id: str = Field(description="The run that trained it")


class Unmaterialized(Record):
    """A training in Dagster that no asset graph shows, while its instance is out of reach."""

    reference: str
    run_id: str
    instance_id: str
    since: datetime = Field(description="When it was registered")
    seen_at: datetime | None = Field(
        description="When the instance's mirror looked last; None: never"
    )
