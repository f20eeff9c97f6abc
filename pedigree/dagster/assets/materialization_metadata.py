"""Metadata of the materialization of a model version."""

from typing import Any, TypeAlias

import dagster as dg

from pedigree.cards.render import render_summary
from pedigree.catalog.records import ModelVersion, Registration
from pedigree.dagster import metadata_keys
from pedigree.dagster.assets.trained_model import TrainedModel
from pedigree.dagster.version_pages import page_metadata, page_of
from pedigree.lineage.records import LineageGraph
from pedigree.settings import Settings
from pedigree.signatures.records import Column, Signature

# What a step's body may return to Dagster.
StepResult: TypeAlias = Any

# The event log stores a copy per materialization; the registry has all inputs.
_INPUTS_SHOWN = 50


def describe(version: ModelVersion, settings: Settings) -> dict[str, Any]:
    """Return the metadata that identifies a version in an event, with its page if it has one."""
    return {
        metadata_keys.MODEL: version.model_name,
        metadata_keys.VERSION: str(version.version_id),
        metadata_keys.REFERENCE: version.reference,
        metadata_keys.DIGEST: version.data_version,
        **page_metadata(version.reference, settings),
    }


def result_metadata(
    registration: Registration,
    trained: TrainedModel,
    lineage: LineageGraph,
    settings: Settings,
    *,
    card: str | None,
) -> dict[str, Any]:
    """Return the metadata of a training's materialization: metrics as numbers, card, schema.

    Args:
        registration: The version.
        trained: What the training returned.
        lineage: The version's lineage.
        settings: The registry's settings, which have the base URL of its pages.
        card: The location of the model card, for registries without pages.
    """
    version = registration.version
    link = page_of(version.reference, settings) or card
    found: dict[str, Any] = {
        **trained.metadata,
        # Dagster plots numbers over time.
        **{name: dg.MetadataValue.float(float(value)) for name, value in trained.metrics.items()},
        **describe(version, settings),
        metadata_keys.CREATED: registration.created,
        metadata_keys.RACED: lineage.raced,
        metadata_keys.VERIFICATION: version.verification.sentence,
        metadata_keys.CARD: dg.MetadataValue.md(render_summary(version, lineage, link=link)),
        metadata_keys.INPUTS: dg.MetadataValue.json(_inputs(lineage)),
    }
    if version.git_commit:
        found["git_commit"] = version.git_commit + (" (dirty)" if version.git_dirty else "")
    if registration.notice:
        found[metadata_keys.NOTICE] = registration.notice
    if version.signature and (schema := column_schema(version.signature)):
        found[metadata_keys.COLUMN_SCHEMA] = schema
    return found


def column_schema(signature: Signature) -> dg.TableSchema | None:
    """Return a signature's input columns as a Dagster table schema; None for tensors."""
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
