"""Report a trained model from another process through Dagster Pipes.

::

    from dagster_pipes import open_dagster_pipes
    from pedigree.dagster import report_model

    with open_dagster_pipes() as pipes:
        ...
        report_model(pipes, "model.onnx", metrics={"auc": 0.91}, upload_to="s3://bucket/trained")

This module does not import Dagster: the trainer installs only ``dagster-pipes`` and
``pedigree-registry``, and ``pedigree-registry[registry]`` if it uploads. Without Pedigree it
reports the same JSON itself.
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

    path: Path | None = Field(
        default=None, description="The model's files on a disk that both processes reach"
    )
    uri: str | None = Field(default=None, description="Otherwise the folder of the uploaded files")
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
            raise ValueError("needs either `path`, or `uri` and the digests of its `files`")
        if self.path is not None and not self.path.is_absolute():
            raise ValueError("`path` must be absolute: the two processes run in different folders")
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
        pipes: The return value of ``open_dagster_pipes()``.
        path: The file or folder with the saved model.
        upload_to: A URL, ``s3://bucket/prefix``: the files go to a new folder below it, from which
            the asset fetches and verifies them. None if both processes reach the path.
        signature: Typed inputs and outputs.
        sample: A few rows of input, from which the signature is inferred.
        sample_outputs: The model's outputs for the sample.
        metrics: Results of the evaluation.
        params: Hyperparameters.
        more: More fields of :class:`ReportedModel`.

    Raises:
        InvalidArtifactError: The path contains no model.
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
    # Imports numpy and pandas, which a trainer that passes its signature need not have.
    from pedigree.signatures.infer import infer_signature  # noqa: PLC0415

    return infer_signature(sample, sample_outputs)
