"""The metadata of a version as JSON Schema, and as the table in ``docs/metadata.md``."""

from collections.abc import Mapping
from typing import cast

from pydantic import JsonValue

from pedigree.catalog.metadata_fields import About, about_fields
from pedigree.catalog.records import ModelMetadata
from pedigree.markdown import shown

SCHEMA_ID = "urn:pedigree:model-metadata"

# In the order that readers need: which version, its bytes, its author and time, its sources.
REQUIRED = (
    "model_name",
    "version_id",
    "artifact_uri",
    "created_by",
    "created_at",
    "run_id",
    "git_commit",
    "git_dirty",
    "git_source",
    "flavor",
    "signature",
)


def metadata_schema() -> dict[str, JsonValue]:
    """Return the JSON Schema (2020-12) of :class:`ModelMetadata`, as in ``model-metadata.json``."""
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
    sources = about_fields(ModelMetadata)
    rows = [
        f"| `{name}` | {_type(field)} | {'yes' if name in required else ''} |"
        f" {shown(field['description'])} | {_source(sources[name])} |"
        for name, field in properties.items()
    ]
    head = "| Field | Type | Required | What it is | Where it comes from |\n|---|---|---|---|---|"
    return "\n".join([head, *rows])


def _source(about: About) -> str:
    return f"{about.source}; may be edited" if about.editable else about.source


def _type(field: Mapping[str, JsonValue]) -> str:
    """Return a short name of a field's type, without null."""
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
