"""The metadata of a version as JSON Schema, and as the table in ``docs/metadata.md``."""

from collections.abc import Mapping
from typing import cast

from pydantic import JsonValue

from pedigree.catalog.records import ModelMetadata
from pedigree.markdown import shown

SCHEMA_ID = "urn:pedigree:model-metadata"

# In the order in which a reader wants them: which one, what, by whom and when, from what.
REQUIRED = (
    "model_name",
    "version_id",
    "artifact_uri",
    "created_by",
    "created_at",
    "run_id",
    "git_commit",
    "git_dirty",
    "flavor",
    "signature",
)

# Where each value comes from; a test keeps the keys equal to the record's fields.
SOURCES: Mapping[str, str] = {
    "model_name": "the name in `register`, or of the model asset",
    "version_id": "the registry, under a lock on the model",
    "artifact_uri": "the registry, from the manifest's sha256",
    "created_by": "the token, `PEDIGREE_ACTOR`, the run's tag, git's e-mail or the OS user",
    "created_at": "the database's clock",
    "run_id": "the Dagster run; `PEDIGREE_RUN_ID`, the CI or the caller elsewhere",
    "git_commit": "`PEDIGREE_GIT_COMMIT`, else the work tree, else the caller",
    "git_dirty": "`PEDIGREE_GIT_DIRTY`, else the work tree, else the caller",
    "git_source": "the registry: which of these it was",
    "flavor": "the model asset, or the caller",
    "signature": "the caller, or inferred from a sample",
    "code_version": "the asset's definition",
    "training_data_digest": "the asset graph: the data versions that the training read",
    "training_data_version": "the training function, or the caller",
    "validation_dataset_id": "the training function, or the caller",
    "metrics": "the training function, or the caller",
    "params": "the training function and its run config, or the caller",
    "environment_hash": "the packages installed where the model was trained",
    "model_card_uri": "the registry, when the card is written",
    "datasheet_uri": "the training function, or the caller",
    "ci_build": "the CI's own variables, or the caller",
    "drift_monitor_id": "the training function, or the caller",
    "description": "the training function, or a person; may be edited",
    "owners": "the model asset, or a person; may be edited",
    "tags": "the training function, or a person; may be edited",
    "risk_class": "the training function, or a person",
    "risk_assessment_id": "the training function, or a person",
    "approval_status": "the registry, when somebody approves or rejects",
    "approval_notes": "whoever approved or rejected",
    "approved_by": "the registry: the actor of the approval",
    "approval_timestamp": "the database's clock",
    "verification": "`register_model` or the model asset, where the model itself is at hand",
}


def metadata_schema() -> dict[str, JsonValue]:
    """Return the JSON Schema (2020-12) of :class:`ModelMetadata`; ``model-metadata.json`` is it."""
    schema = cast("dict[str, JsonValue]", ModelMetadata.model_json_schema())
    properties = cast("dict[str, JsonValue]", schema.pop("properties"))
    required = set(cast("list[str]", schema.pop("required")))
    first = [name for name in REQUIRED if name in required]
    order = [*first, *(name for name in properties if name not in first)]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "Pedigree model metadata",
        "description": "All metadata of a model version.",
        "type": schema.pop("type"),
        "required": [*first, *sorted(required.difference(first))],
        "properties": {name: properties[name] for name in order},
        **{key: value for key, value in schema.items() if key not in {"title", "description"}},
    }


def metadata_table() -> str:
    """Return the fields of the metadata as a Markdown table, required ones first."""
    schema = metadata_schema()
    required = set(cast("list[str]", schema["required"]))
    properties = cast("dict[str, dict[str, JsonValue]]", schema["properties"])
    rows = [
        f"| `{name}` | {_type(field)} | {'yes' if name in required else ''} |"
        f" {shown(field['description'])} | {SOURCES[name]} |"
        for name, field in properties.items()
    ]
    head = "| Field | Type | Required | What it is | Where it comes from |\n|---|---|---|---|---|"
    return "\n".join([head, *rows])


def _type(field: Mapping[str, JsonValue]) -> str:
    """Name a field's type in a word or two, without what only says that it may be absent."""
    options = cast("list[Mapping[str, JsonValue]]", field.get("anyOf", [field]))
    return " or ".join(_word(option) for option in options if option.get("type") != "null")


def _word(option: Mapping[str, JsonValue]) -> str:
    if "$ref" in option:
        return str(option["$ref"]).rpartition("/")[2]
    if option.get("format") == "date-time":
        return "time"
    values = option.get("additionalProperties")
    if isinstance(values, Mapping):
        return f"{values.get('type', 'any value')} by name"
    return "list" if option["type"] == "array" else str(option["type"])
