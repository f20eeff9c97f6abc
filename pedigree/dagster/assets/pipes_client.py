"""What a trainer in another process reports, by Dagster Pipes, of the model that it trained.

::

    from dagster_pipes import open_dagster_pipes
    from pedigree.dagster import report_model

    with open_dagster_pipes() as pipes:
        ...
        report_model(pipes, "model.onnx", metrics={"auc": 0.91}, upload_to="s3://bucket/trained")

This module knows no Dagster: the trainer installs ``dagster-pipes`` and ``pedigree-registry``
alone, and ``pedigree-registry[registry]`` if it uploads. Without Pedigree it reports the same JSON
itself.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from pydantic import Field, JsonValue, model_validator

from pedigree._record import Record
from pedigree.artifacts.external_files import upload
from pedigree.artifacts.records import Digest
from pedigree.signatures.records import Signature

TRAINED = "pedigree/trained"


class Reporter(Protocol):
    """A ``dagster_pipes.PipesContext``."""

    def report_custom_message(self, payload: Any) -> None:
        """Send some JSON to the process that launched this one."""


class ReportedModel(Record):
    """The JSON under ``pedigree/trained`` of a custom message."""

    path: Path | None = Field(default=None, description="On a disk that both processes reach")
    uri: str | None = Field(default=None, description="Else: the folder it was uploaded to")
    files: dict[str, Digest] = Field(
        default_factory=dict, description="The uploaded files, each with its sha256:…"
    )
    metrics: dict[str, float] = Field(default_factory=dict)
    params: dict[str, JsonValue] = Field(default_factory=dict)
    signature: Signature | None = None
    evaluation_data: str | None = None
    training_data_version: str | None = None
    description: str | None = None
    tags: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_place(self) -> "ReportedModel":
        if (self.path is None) == (self.uri is None) or bool(self.uri) != bool(self.files):
            raise ValueError("needs `path`, or `uri` and the digests of its `files`")
        if self.path is not None and not self.path.is_absolute():
            raise ValueError("`path` must be absolute: the two processes work in different folders")
        return self


def report_model(
    pipes: Reporter,
    path: Path | str,
    *,
    upload_to: str | None = None,
    signature: Signature | None = None,
    sample: Any = None,
    sample_outputs: Any = None,
    metrics: Mapping[str, float] | None = None,
    params: Mapping[str, JsonValue] | None = None,
    **more: Any,
) -> ReportedModel:
    """Report a trained model to the asset that launched this process, which registers it.

    Args:
        pipes: What ``open_dagster_pipes()`` gave.
        path: The file or folder that the model was saved in.
        upload_to: A URL, ``s3://bucket/prefix``: the files go to a new place below it, where the
            asset fetches and verifies them. None where both processes reach the path.
        signature: Typed inputs and outputs.
        sample: A few rows of input, from which the signature is inferred.
        sample_outputs: What the model gave for them.
        metrics: What the evaluation found.
        params: Hyperparameters.
        more: Further fields of :class:`ReportedModel`.

    Raises:
        InvalidArtifactError: The path holds no model.
        StoreUnavailableError: The store failed.
    """
    path = Path(path).absolute()
    uploaded = upload(path, upload_to) if upload_to else None
    report = ReportedModel(
        path=None if uploaded else path,
        uri=uploaded.uri if uploaded else None,
        files=dict(uploaded.files) if uploaded else {},
        signature=signature or _inferred(sample, sample_outputs),
        metrics=dict(metrics or {}),
        params=dict(params or {}),
        **more,
    )
    pipes.report_custom_message({TRAINED: report.model_dump(mode="json", exclude_none=True)})
    return report


def _inferred(sample: Any, sample_outputs: Any) -> Signature | None:
    if sample is None:
        return None
    # Costs numpy and pandas, which a trainer that states its signature may not have.
    from pedigree.signatures.infer import infer  # noqa: PLC0415

    return infer(sample, sample_outputs)
