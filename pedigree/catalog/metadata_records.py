"""The metadata of a version or a training: what is recorded, and what ``register`` requires."""

from typing import Annotated, ClassVar, TypeAlias

from pydantic import Field, FiniteFloat

from pedigree._record import Record
from pedigree._values import NUMBERS, JsonObject, Key, TextObject, Texts
from pedigree.artifacts.records import Digest
from pedigree.catalog.metadata_fields import About, RiskClass
from pedigree.errors import InvalidMetadataError
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
