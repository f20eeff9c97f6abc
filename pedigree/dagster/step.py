"""What happens inside the step of a model asset: train, register, tell Dagster."""

from collections.abc import Callable
from typing import Any

import dagster as dg

from pedigree.cards.render import render_summary
from pedigree.catalog.records import ModelVersion, Registration
from pedigree.dagster import metadata
from pedigree.dagster.inputs import ModelInputs, Source
from pedigree.dagster.line import ModelLine
from pedigree.dagster.lineage import LineageCapture, StepStart
from pedigree.dagster.provenance import RunProvenance, folder_of, provenance_of
from pedigree.dagster.resource import RegistryResource
from pedigree.dagster.trained import TrainedModel, register_trained
from pedigree.errors import InvalidInputError, InvalidMetadataError
from pedigree.lifecycle.policy import default_policy
from pedigree.lineage.code import current_code
from pedigree.lineage.records import LineageGraph, LineageNode, NodeKind
from pedigree.signatures.records import Column, Signature

# The event log keeps a copy for each materialization, and the registry has all of them.
_INPUTS_SHOWN = 50


def train_in_step(
    context: dg.AssetExecutionContext,
    line: ModelLine,
    train: Callable[[ModelInputs], object],
    *,
    sources: tuple[Source, ...],
    function: Callable[..., object],
    code_version: str,
) -> dg.MaterializeResult[Any]:
    """Train a model, register it with the lineage seen meanwhile, and return what Dagster records.

    Raises:
        InvalidInputError: The function was called directly, several partitions are to be trained
            by one run, or what the training returned cannot be registered.
        UnavailableError: The registry does not answer.
    """
    provenance = provenance_of(context, line.key)
    _refuse_range(context)
    resource: RegistryResource = context.resources.registry
    registry = resource.connect()
    name = line.registered_name(provenance.partition)
    capture = LineageCapture(context, line.key)
    trained = train(ModelInputs(context, capture, sources))
    if not isinstance(trained, TrainedModel):
        raise InvalidMetadataError(
            f"the training of {name!r} returned no TrainedModel",
            field="return value",
            value=type(trained).__name__,
            remedy="Return TrainedModel(model=…, metrics=…, sample=…)",
        )
    trained = trained.completed(context.assets_def.specs_by_key[line.key])
    lineage = _finish(context, capture, provenance, line, code_version)
    registration = register_trained(
        registry,
        name,
        trained,
        flavor=line.flavor or "generic",
        provenance=provenance,
        code=current_code(registry.settings, folder_of(function)),
        code_version=code_version,
        lineage=lineage,
    )
    if line.policy != default_policy():
        registry.set_policy(name, line.policy, actor=registry.actor(provenance.actor))
    card = registry.write_card(registration.version.reference, trained.notes)
    summary = render_summary(registration.version, lineage, link=card.location)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(registration.version.digest),
        tags={metadata.VERSION: str(registration.version.version_id), **capture.pinned_tags()},
        metadata=_result_metadata(registration, trained, lineage, summary),
    )


def describe(version: ModelVersion) -> dict[str, Any]:
    """Return the metadata by which an event names a version."""
    return {
        metadata.MODEL: version.model_name,
        metadata.VERSION: version.version_id,
        metadata.REFERENCE: version.reference,
        metadata.DIGEST: version.digest,
    }


def column_schema(signature: Signature) -> dg.TableSchema | None:
    """Return a signature's input columns as Dagster shows them; None for tensors."""
    columns = [
        dg.TableColumn(
            name=port.name,
            type=port.type.value,
            constraints=dg.TableColumnConstraints(nullable=not port.required),
        )
        for port in signature.inputs
        if isinstance(port, Column)
    ]
    return dg.TableSchema(columns=columns) if columns else None


def _result_metadata(
    registration: Registration,
    trained: TrainedModel,
    lineage: LineageGraph,
    summary: str,
) -> dict[str, Any]:
    version = registration.version
    found: dict[str, Any] = {
        **{name: dg.MetadataValue.float(float(value)) for name, value in trained.metrics.items()},
        **describe(version),
        metadata.CREATED: registration.created,
        metadata.RACED: lineage.raced,
        metadata.INPUTS: dg.MetadataValue.json(_inputs(lineage)),
        metadata.CARD: dg.MetadataValue.md(summary),
        "git_commit": version.git_commit + (" (dirty)" if version.git_dirty else ""),
    }
    if registration.notice:
        found[metadata.NOTICE] = registration.notice
    if schema := column_schema(version.signature):
        found[metadata.COLUMN_SCHEMA] = schema
    return found


def _inputs(lineage: LineageGraph) -> list[dict[str, Any]]:
    return [
        {
            "asset": node.asset,
            "partition": node.partition,
            "data_version": node.data_version,
            "capture": capture.value,
            "kind": node.kind.value,
        }
        for node, capture in lineage.inputs()[:_INPUTS_SHOWN]
    ]


def _finish(
    context: dg.AssetExecutionContext,
    capture: LineageCapture,
    provenance: RunProvenance,
    line: ModelLine,
    code_version: str,
) -> LineageGraph:
    step = LineageNode(
        node_id=0,
        kind=NodeKind.STEP,
        asset=line.key.to_user_string(),
        partition=provenance.partition,
        run_id=provenance.run_id,
        code_version=code_version,
    )
    started = StepStart.of(context.instance, provenance.run_id, provenance.step_key or "")
    return capture.finish(step, started)


def _refuse_range(context: dg.AssetExecutionContext) -> None:
    if context.has_partition_key_range and len(context.partition_keys) > 1:
        raise InvalidInputError(
            "one run is to train several partitions, and every one would get the same model",
            field="partitions",
            value=list(context.partition_keys),
            remedy="Launch one run per partition",
        )
