"""Registered models and their versions, and the required and optional metadata of a version."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, TypeAlias

from pydantic import (
    AwareDatetime,
    Field,
    FiniteFloat,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from pedigree._record import Record
from pedigree._values import GRAPH, NUMBERS, JsonObject, Key, TextObject, Texts
from pedigree.artifacts.records import Digest
from pedigree.catalog.metadata_fields import About, ApprovalStatus, RiskClass
from pedigree.errors import InvalidMetadataError
from pedigree.flavors.records import NO_LIVE_MODEL, Verification
from pedigree.lineage.environment import environment_hash
from pedigree.lineage.records import LineageGraph
from pedigree.signatures.records import Signature

Tags: TypeAlias = TextObject
Params: TypeAlias = JsonObject
Metrics: TypeAlias = Annotated[dict[str, FiniteFloat], NUMBERS]


_FLAVOR = About("the model asset, or the caller", trained=False, shown=True)
_SIGNATURE = About("the caller, or inferred from a sample", trained=False, shown=True)
_RUN = About("the Dagster run; `PEDIGREE_RUN_ID`, the CI or the caller elsewhere", "run")
_COMMIT = About("`PEDIGREE_GIT_COMMIT`, else the work tree, else the caller", "code")
_DIRTY = About("`PEDIGREE_GIT_DIRTY`, else the work tree, else the caller", "code")
_COMMIT_SOURCE = About("the registry: which of these it was", "run")


class SealState(StrEnum):
    """Whether the registry has a version's bytes."""

    SEALED = "sealed"
    """It has a digest, which is final."""
    PENDING = "pending"
    """Its bytes are being fetched or judged; it holds no stage and no alias."""
    FAILED = "failed"
    """Its bytes could not be fetched, or did not pass; it keeps its number."""
    REFERENCE = "reference"
    """Its bytes are elsewhere, where anybody may change them."""


_UNSEALED: Mapping[SealState, str] = {
    SealState.PENDING: "its bytes are being fetched or judged",
    SealState.FAILED: "its registration failed",
    SealState.REFERENCE: "its bytes are elsewhere",
}


class RecordedMetadata(Record):
    """What is known about a version or a training.

    The first six fields are required and null if they are not known. Only versions of the MLflow
    protocol and of imports lack some of them. An unknown value is omitted, never invented.
    """

    value_error: ClassVar = InvalidMetadataError

    flavor: Annotated[Key | None, _FLAVOR] = Field(
        min_length=1, description="How to load it: sklearn, onnx, generic, …; null if not known"
    )
    signature: Annotated[Signature | None, _SIGNATURE] = Field(
        description="Typed inputs and outputs; null if not known"
    )
    run_id: Annotated[Key | None, _RUN] = Field(
        min_length=1, description="The run that made it; null if not known"
    )
    git_commit: Annotated[str | None, _COMMIT] = Field(
        pattern=r"^[0-9a-f]{7,64}$",
        description="The commit of the training code; null if not known",
    )
    git_dirty: Annotated[bool | None, _DIRTY] = Field(
        description="The work tree differed from the commit; null if not known"
    )
    git_source: Annotated[str | None, _COMMIT_SOURCE] = Field(
        description="Where the commit comes from, such as caller or worktree; null if not known"
    )
    code_version: Annotated[str | None, About("the asset's definition", "code")] = Field(
        default=None, description="The asset's code version"
    )
    training_data_digest: Annotated[
        str | None,
        About(
            "the asset graph: the data versions that the training read",
            "data",
            option="One digest over its training data.",
        ),
    ] = Field(default=None, description="One digest over the data versions of all direct inputs")
    training_data_version: Annotated[
        str | None, About(part="data", option="The data's version, as its owner names it.")
    ] = Field(default=None, description="The data's version, as its owner names it")
    validation_dataset_id: Annotated[
        str | None, About(part="data", option="The data of the metrics.")
    ] = Field(default=None, description="The data that the metrics were computed on")
    metrics: Annotated[Metrics, About(part="results", option="An evaluation metric.")] = Field(
        default_factory=dict, description="Evaluation metrics, finite numbers"
    )
    params: Annotated[
        Params,
        About(
            "the training function and its run config, or the caller",
            "results",
            option="A hyperparameter.",
        ),
    ] = Field(default_factory=dict, description="Hyperparameters and run config")
    environment_hash: Annotated[
        Digest | None, About("the packages installed where the model was trained", "code")
    ] = Field(default=None, description="Over the sorted list of installed packages")
    ci_build: Annotated[str | None, About("the CI's own variables, or the caller", "run")] = Field(
        default=None, description="The URL or id of the CI build"
    )
    drift_monitor_id: Annotated[str | None, About(shown=True)] = Field(
        default=None, description="Its drift monitor"
    )
    datasheet_uri: Annotated[str | None, About(shown=True)] = Field(
        default=None, description="The training data's datasheet"
    )
    description: Annotated[
        str | None,
        About(
            "the training function, or a person", shown=True, option="What it is.", editable=True
        ),
    ] = Field(default=None, description="What it is, in a few sentences")
    owners: Annotated[
        Texts,
        About(
            "the model asset, or a person",
            shown=True,
            option="An owner; repeatable.",
            editable=True,
        ),
    ] = Field(default=(), description="Its owners")
    tags: Annotated[
        Tags,
        About("the training function, or a person", shown=True, option="A tag.", editable=True),
    ] = Field(default_factory=dict, description="Further keys and values")
    risk_class: Annotated[
        RiskClass | None,
        About(
            "the training function, or a person",
            shown=True,
            option="minimal, limited, high or unacceptable (EU AI Act).",
        ),
    ] = Field(default=None, description="The risk class of its use under the EU AI Act")
    risk_assessment_id: Annotated[
        str | None, About("the training function, or a person", shown=True)
    ] = Field(default=None, description="The assessment that determined the risk class")


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


class DeclaredMetadata(RecordedMetadata):
    """The metadata that the caller of ``register`` states about a version.

    The first five fields are required. An unknown value is omitted, never invented.
    """

    flavor: Annotated[Key, _FLAVOR] = Field(
        min_length=1, description="How to load it: sklearn, onnx, generic, …"
    )
    signature: Annotated[Signature, _SIGNATURE] = Field(description="Typed inputs and outputs")
    run_id: Annotated[Key, _RUN] = Field(min_length=1, description="The run that made it")
    git_commit: Annotated[str, _COMMIT] = Field(
        pattern=r"^[0-9a-f]{7,64}$", description="The commit of the training code"
    )
    git_dirty: Annotated[bool, _DIRTY] = Field(description="The work tree differed from the commit")
    git_source: Annotated[str, _COMMIT_SOURCE] = Field(
        default="caller",
        description="Where the commit comes from, such as caller or worktree",
    )


def unsealed_data_version(reference: str) -> str:
    """Return the data version of a version without a digest: ``unsealed:customer_churn/3``."""
    return f"unsealed:{reference}"


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
    def data_version(self) -> str:
        """What identifies its bytes in an asset graph: the digest, or else its reference."""
        return self.digest or unsealed_data_version(self.reference)

    @property
    def why_unsealed(self) -> str | None:
        """Why the registry does not have its bytes; None if it is sealed."""
        if self.state is SealState.SEALED:
            return None
        return f"{_UNSEALED[self.state]}{f': {self.state_reason}' if self.state_reason else ''}"


class RegisteredModel(Record):
    """A named model that has versions."""

    name: str
    description: str | None = None
    owners: Texts = ()
    tags: Tags = Field(default_factory=dict)
    created_by: str
    created_at: datetime
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


class NewVersion(Record):
    """Everything that ``register`` needs besides the bytes."""

    metadata: DeclaredMetadata
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
            metadata = DeclaredMetadata.model_validate(given.get("metadata"))
            found = environment_hash(_PACKAGES.validate_python(given["environment"]))
        except ValidationError:
            return given  # the validation of the fields reports the error
        if metadata.environment_hash not in (None, found):
            raise ValueError(
                f"environment_hash {metadata.environment_hash} is not that of the packages given"
            )
        return {**given, "metadata": metadata.model_copy(update={"environment_hash": found})}


class Registration(Record):
    """The result of ``register``."""

    version: ModelVersion
    created: bool = Field(description="False if the model already has the same bytes")
    training_id: str
    notice: str | None = Field(
        default=None,
        description="For an existing version: which of the given fields it does not show, and why"
        " it does not become a candidate by itself; for any version: its data is in quarantine",
    )
