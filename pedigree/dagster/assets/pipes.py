"""Register a model that another process trained, on any cluster that Dagster Pipes reaches.

::

    @model_asset(name="fraud", flavor="onnx")
    def fraud(
        context: dg.AssetExecutionContext, pipes: dg.ResourceParam[dg.PipesSubprocessClient]
    ) -> TrainedModel:
        return reported_model(pipes.run(command=["python", "train.py"], context=context))

The trainer reports with :func:`pedigree.dagster.report_model`. This process registers the model,
with the lineage of its step.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from pydantic import ValidationError

from pedigree._values import GRAPH_BYTES, Bound, require_values
from pedigree.artifacts.external_files import UploadedFiles
from pedigree.dagster.assets.pipes_client import TRAINED, ReportedModel
from pedigree.dagster.assets.trained_model import TrainedModel
from pedigree.dagster.resources.registry import credentials_of
from pedigree.errors import InvalidMetadataError


def reported_model(
    invocation: dg.PipesClientCompletedInvocation, *, s3: Any = None
) -> TrainedModel:
    """Return the model that a process reported, with the materialization's metadata.

    Args:
        invocation: What a Pipes client's ``run`` returned.
        s3: The ``S3Resource`` that fetches an uploaded model; the environment's credentials when
            None.

    Raises:
        InvalidMetadataError: It reported no model, several models, or one that is invalid, too
            large or nested too deep.
    """
    report = _report(invocation)
    uploaded = None
    if report.uri:
        uploaded = UploadedFiles(uri=report.uri, files=report.files, credentials=credentials_of(s3))
    return TrainedModel(
        path=report.path,
        uploaded=uploaded,
        metadata=_metadata(invocation),
        **{name: getattr(report, name) for name in _SHARED_FIELDS},
    )


# The digests of a model's files may be many; the registry bounds each of the other fields.
_MESSAGE = Bound(GRAPH_BYTES, is_json=True, is_private=True)
_SHARED_FIELDS = tuple(ReportedModel.model_fields.keys() - {"path", "uri", "files"})


def _report(invocation: dg.PipesClientCompletedInvocation) -> ReportedModel:
    messages = [
        message[TRAINED]
        for message in invocation.get_custom_messages()
        if isinstance(message, Mapping) and TRAINED in message
    ]
    if len(messages) != 1:
        raise InvalidMetadataError(
            f"the process reported {len(messages) or 'no'} models, but exactly one is expected",
            field=TRAINED,
            remedy="Call report_model(pipes, path, …) once, at the end of the training",
        )
    # Before the schema, whose messages repeat each level of what is nested.
    require_values(messages[0], TRAINED, bound=_MESSAGE, error=InvalidMetadataError)
    try:
        return ReportedModel.model_validate(messages[0])
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidMetadataError(
            f"the process reported an invalid model: {first['msg']}",
            field=".".join(map(str, (TRAINED, *first["loc"]))),
            remedy="See pedigree.dagster.assets.pipes_client.ReportedModel for the schema",
        ) from error


def _metadata(invocation: dg.PipesClientCompletedInvocation) -> dict[str, Any]:
    """Return the other metadata of the process and its launcher: logs, job ids, reported values."""
    found: dict[str, Any] = dict(invocation.metadata)
    for result in invocation.get_results(implicit_materializations=False):
        if isinstance(result, dg.MaterializeResult):
            found |= result.metadata or {}
    return found
