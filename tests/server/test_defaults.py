"""The OpenAPI document states what is required, and each default, as the service behaves."""

import inspect
from collections.abc import Iterator
from typing import Any, get_args

import httpx2
import pytest
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter, ValidationError

from pedigree._record import Patch
from pedigree.server.app import create_app
from pedigree.server.fast_reads import FastRead
from tests.server.routes import Target, protected, send

APP = create_app()
DOCUMENT = APP.openapi()
SCHEMAS = DOCUMENT["components"]["schemas"]


def bodies() -> Iterator[Any]:
    """The type of the body of each route that has one."""
    for route in APP.routes:
        if isinstance(route, APIRoute) and route.body_field is not None:
            yield route.body_field.field_info.annotation


def records(kind: Any, union: Any = None) -> Iterator[tuple[type[BaseModel], Any]]:
    """Each record within a type, with the union that reads it if there is one."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind, union
        for field in kind.model_fields.values():
            members = get_args(field.annotation)
            yield from records(field.annotation, _union(field, members))
    for each in get_args(kind):
        tagged = next((x for x in get_args(kind)[1:] if getattr(x, "discriminator", None)), None)
        yield from records(each, kind if tagged else union)


def _union(field: Any, members: tuple[Any, ...]) -> Any:
    return None if field.discriminator is None else field.annotation


READ = {record: union for body in bodies() for record, union in records(body)}


@pytest.mark.parametrize("record", READ, ids=lambda each: each.__name__)
def test_a_record_requires_what_the_document_says(record: type[BaseModel]) -> None:
    schema = SCHEMAS.get(f"{record.__name__}-Input") or SCHEMAS[record.__name__]
    assert set(schema.get("required", ())) == required(record, READ[record])


def required(record: type[BaseModel], union: Any) -> set[str]:
    """The fields without which a reader refuses an object."""
    adapter: TypeAdapter[Any] = TypeAdapter(union or record)
    given: dict[str, Any] = {}
    found: set[str] = set()
    if union is not None:
        with pytest.raises(ValidationError, match="union_tag_not_found"):
            adapter.validate_python({})
        given["kind"] = record.model_fields["kind"].default
        found.add("kind")
    try:
        adapter.validate_python(given)
    except ValidationError as error:
        missing = (each["loc"][-1] for each in error.errors() if each["type"] == "missing")
        found |= set(map(str, missing))
    return found


@pytest.mark.parametrize("record", READ, ids=lambda each: each.__name__)
def test_a_field_has_the_default_that_the_document_states(record: type[BaseModel]) -> None:
    schema = SCHEMAS.get(f"{record.__name__}-Input") or SCHEMAS[record.__name__]
    for name, field in record.model_fields.items():
        stated = schema["properties"][name]
        if name in schema.get("required", ()):
            assert "default" not in stated, name
            continue
        default = field.get_default(call_default_factory=True)
        adapter: TypeAdapter[Any] = TypeAdapter(field.annotation)
        real = adapter.dump_python(default, mode="json")
        if "default" in stated:
            assert adapter.validate_python(stated["default"]) == default, name
        else:
            # A factory's default is not stated; then it must be the empty value.
            assert issubclass(record, Patch) or not real or is_all_defaults(default), name


def is_all_defaults(value: object) -> bool:
    """Whether a record has only the values that its own fields have by default."""
    return isinstance(value, BaseModel) and not value.model_fields_set


def test_a_parameter_has_the_default_that_the_document_states() -> None:
    compared = 0
    for target in protected():
        if not target.is_api:
            continue
        operation = DOCUMENT["paths"][target.route.path_format][target.method.lower()]
        taken = inspect.signature(target.route.endpoint).parameters
        fast = FastRead.of(target.route)
        for parameter in operation.get("parameters", ()):
            if parameter["in"] != "query":
                continue
            compared += 1
            name = parameter["name"]
            default = taken[name].default
            assert parameter["required"] == (default is inspect.Parameter.empty), (target, name)
            stated = parameter["schema"].get("default")
            assert stated == (None if parameter["required"] else default), (target, name)
            if fast is not None:
                assert fast.query_parameters[name].default == default
    assert compared > 60


def test_a_required_parameter_is_missed_on_every_route(admin: httpx2.Client) -> None:
    tried = 0
    for target in protected():
        for name in target.query:
            tried += 1
            fewer = {key: value for key, value in target.query.items() if key != name}
            answer = send(admin, Target(target.method, target.route, target.path, fewer))
            assert (answer.status_code, answer.json()["field"]) == (400, name), (target, name)
    assert tried > 10
