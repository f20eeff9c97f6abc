"""Register a model that was trained in another process, on any cluster that Dagster Pipes reaches.

::

    @model_asset(name="fraud", flavor="onnx")
    def fraud(
        context: dg.AssetExecutionContext, pipes: dg.ResourceParam[dg.PipesSubprocessClient]
    ) -> TrainedModel:
        return reported_model(pipes.run(command=["python", "train.py"], context=context))

The trainer reports by :func:`pedigree.dagster.report_model`; this process registers, with the
lineage of its step.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from pydantic import ValidationError

from pedigree.artifacts.external_files import UploadedFiles
from pedigree.dagster.assets.pipes_client import TRAINED, ReportedModel
from pedigree.dagster.assets.trained_model import TrainedModel
from pedigree.dagster.resources.registry import credentials_of
from pedigree.errors import InvalidMetadataError


def reported_model(
    invocation: dg.PipesClientCompletedInvocation, *, s3: Any = None
) -> TrainedModel:
    """Return the model that a process has reported, and what else it says of the materialization.

    Args:
        invocation: What a Pipes client's ``run`` returned.
        s3: The ``S3Resource`` by which an uploaded model is fetched; the environment's credentials
            when None.

    Raises:
        InvalidMetadataError: It reported no model, several, or one that breaks the form.
    """
    report = _report(invocation)
    uploaded = None
    if report.uri:
        uploaded = UploadedFiles(uri=report.uri, files=report.files, credentials=credentials_of(s3))
    return TrainedModel(
        path=report.path,
        uploaded=uploaded,
        metadata=_metadata(invocation),
        **{name: getattr(report, name) for name in _TOLD},
    )


_TOLD = tuple(ReportedModel.model_fields.keys() - {"path", "uri", "files"})


def _report(invocation: dg.PipesClientCompletedInvocation) -> ReportedModel:
    messages = [
        message[TRAINED]
        for message in invocation.get_custom_messages()
        if isinstance(message, Mapping) and TRAINED in message
    ]
    if len(messages) != 1:
        raise InvalidMetadataError(
            f"the process reported {len(messages) or 'no'} models, and one is expected",
            field=TRAINED,
            remedy="Call report_model(pipes, path, …) once, at the end of the training",
        )
    try:
        return ReportedModel.model_validate(messages[0])
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidMetadataError(
            f"the process reported what is no model: {first['msg']}",
            field=".".join(map(str, (TRAINED, *first["loc"]))),
            remedy="See pedigree.dagster.assets.pipes_client.ReportedModel for the form",
        ) from error


def _metadata(invocation: dg.PipesClientCompletedInvocation) -> dict[str, Any]:
    """Return what the process and its launcher say beside: logs, job ids, reported metadata."""
    found: dict[str, Any] = dict(invocation.metadata)
    for result in invocation.get_results(implicit_materializations=False):
        if isinstance(result, dg.MaterializeResult):
            found |= result.metadata or {}
    return found
