"""The page of the policy, from the JSON Schema of its record."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import JsonValue
from pydantic_core import to_json

from pedigree.lifecycle.records import Policy
from tools.reference.markdown import code, from_docstring, page, table

Schema = Mapping[str, Any]


def policy_page() -> str:
    """Return the page: the fields of a policy and of every record in it."""
    schema = Policy.model_json_schema()
    parts: dict[str, Schema] = {"Policy": schema}
    _collect(schema, schema["$defs"], parts)
    blocks = []
    for name, part in parts.items():
        about = from_docstring(part.get("description"))
        blocks += [f"## {name}", *([about] if about else []), _fields(part)]
    return page(
        "Policy schema",
        "A policy is YAML, JSON or the record `pedigree.Policy`."
        " [Policies](../policies.md) shows how to write one.",
        "A length of time is `30d`, `12h`, `45m`, `10s` or `0`, or a number of seconds.",
        *blocks,
    )


def _collect(part: object, definitions: Mapping[str, Schema], found: dict[str, Schema]) -> None:
    """Add the records that a part of the schema names, in the order in which it names them."""
    for name in _named(part):
        if name not in found and "properties" in definitions[name]:
            found[name] = definitions[name]
            _collect(definitions[name], definitions, found)


def _named(part: object) -> Iterator[str]:
    if isinstance(part, Mapping):
        if isinstance(reference := part.get("$ref"), str):
            yield reference.rpartition("/")[2]
        for key, each in part.items():
            if key != "$defs":
                yield from _named(each)
    elif isinstance(part, list):
        for each in part:
            yield from _named(each)


def _fields(part: Schema) -> str:
    required = part.get("required", ())
    rows = [
        (
            code(name),
            _kind(field),
            "required" if name in required else _default(field.get("default")),
            field.get("description", ""),
        )
        for name, field in part["properties"].items()
    ]
    return table(("field", "type", "default", "meaning"), rows)


def _default(value: JsonValue) -> str:
    return "" if value in (None, [], {}) else code(to_json(value).decode())


def _kind(field: Schema) -> str:
    if (reference := field.get("$ref")) is not None:
        name = reference.rpartition("/")[2]
        return f"[{name}](#{name.lower()})" if name in _records() else _choices(name)
    if "anyOf" in field:
        kinds = [_kind(each) for each in field["anyOf"] if each.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    match field.get("type"):
        case "array":
            return f"list of {_kind(field['items'])}"
        case "object":
            return f"mapping to {_kind(field.get('additionalProperties') or {})}"
        case kind:
            return str(kind or "any")


def _definitions() -> Mapping[str, Schema]:
    definitions: Mapping[str, Schema] = Policy.model_json_schema()["$defs"]
    return definitions


def _records() -> set[str]:
    return {name for name, each in _definitions().items() if "properties" in each}


def _choices(name: str) -> str:
    choices = _definitions()[name].get("enum", ())
    return ", ".join(code(each) for each in choices) or "any"
