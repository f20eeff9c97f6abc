"""Messages of SCIM: what a request says, and what is answered."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, TypeVar
from uuid import UUID

from pydantic import ValidationError
from pydantic_core import from_json, to_json
from scim2_models import (
    Context,
    Error,
    PatchOp,
    ResponseParameters,
    SCIMException,
    SearchRequest,
)
from scim2_models import Resource as ScimResource
from starlette.responses import Response

from pedigree._values import RECORD_BYTES, Bound, require_values
from pedigree.contract._entrance import guarded
from pedigree.registry import Registry, registry_in
from pedigree.server.scim.refusals import MEDIA_TYPE, ScimError
from pedigree.server.scim.resources import POLICY

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R", bound=ScimResource[Any])

MOST_RESULTS = 200
"""The most resources of one answer."""

_USUAL_RESULTS = 100
_LONGEST_QUERY = 4_096
_LAST_INDEX = 2**53 - 1
_MOST_OPERATIONS = 100
_LONGEST_PATH = 256
_MOST_VALUES = 100
_BODY = Bound(RECORD_BYTES, is_json=True, is_private=True)


@dataclass(frozen=True)
class ScimCall:
    """A request of SCIM.

    Attributes:
        registry: The registry with the permissions of the caller.
        query: The parameters of the query.
        body: The body.
        prefix: What a proxy puts before the paths of the service.
    """

    registry: Registry
    query: Mapping[str, str]
    body: bytes
    prefix: str

    def do(
        self, described: Callable[Concatenate[Any, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Do an operation of provisioning, with its arguments checked as those of every verb.

        Args:
            described: The function of the operation, whose types say what is allowed.
            args: Its arguments.
            kwargs: Its named arguments.
        """
        operations = self.registry.operations
        operation = getattr(operations.provisioning, described.__name__)
        checked: Callable[P, T] = guarded(operation, described, operations)
        return checked(*args, **kwargs)

    def together(self, work: Callable[["ScimCall"], T]) -> T:
        """Do several operations in one transaction."""
        return self.registry.context.transaction(
            lambda joined: work(ScimCall(registry_in(joined), self.query, self.body, self.prefix))
        )


@contextmanager
def refusing() -> Iterator[None]:
    """Turn errors of the library of SCIM into refusals, and read as tolerantly as we do."""
    try:
        with POLICY:
            yield
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        found = Error.from_validation_error(first)
        raise ScimError(found.detail or "", found.scim_type, status=found.status or 400) from None
    except SCIMException as error:
        raise ScimError(_detail(error), error.scim_type or None, status=error.status) from None


def read_resource(call: ScimCall, model: type[R], context: Context) -> R:
    """Return the resource that a request has.

    Raises:
        ScimError: The body is not one.
    """
    document = _document(call.body)
    if sum(map(_length, document.keys(), document.values())) > _MOST_VALUES:
        raise ScimError(f"the lists of a resource have at most {_MOST_VALUES} values", status=413)
    with refusing():
        return model.model_validate(document, scim_ctx=context)


def read_patch(call: ScimCall, model: type[PatchOp[R]]) -> PatchOp[R]:
    """Return the operations of a PATCH.

    Raises:
        ScimError: The body has none, or too many, or one that no resource allows.
    """
    document = _document(call.body)
    operations = document.get("Operations")
    if isinstance(operations, list):
        _require_bounded([each for each in operations if isinstance(each, dict)])
    with refusing():
        return model.model_validate(document, scim_ctx=Context.RESOURCE_PATCH_REQUEST)


def read_query(call: ScimCall, model: type[SearchRequest[R]]) -> SearchRequest[R]:
    """Return what a list is asked for, with a bounded count.

    Raises:
        ScimError: The filter or a number cannot be read, or a sorted list is asked for.
    """
    asked = {
        name: call.query[name]
        for name in ("filter", "startIndex", "count", "attributes", "excludedAttributes")
        if name in call.query
    }
    _require_short(asked)
    if "sortBy" in call.query:
        raise ScimError("lists are not sorted: leave sortBy out", "invalidValue")
    with refusing():
        found = model.model_validate(asked)
    count = _USUAL_RESULTS if found.count is None else min(found.count, MOST_RESULTS)
    first = min(found.start_index or 1, _LAST_INDEX)
    return found.model_copy(update={"count": count, "start_index": first})


def read_selection(call: ScimCall, model: type[ResponseParameters[R]]) -> ResponseParameters[R]:
    """Return which attributes are asked for.

    Raises:
        ScimError: They cannot be read.
    """
    asked = {
        name: call.query[name]
        for name in ("attributes", "excludedAttributes")
        if name in call.query
    }
    _require_short(asked)
    with refusing():
        return model.model_validate(asked)


def id_in(text: str) -> UUID:
    """Return the id of a path.

    Raises:
        ScimError: It can be that of no resource.
    """
    try:
        found = UUID(text)
    except ValueError:
        found = None
    if found is None or str(found) != text:
        raise ScimError("there is no such resource", status=404)
    return found


def dumped(
    resource: ScimResource[Any], selection: ResponseParameters[Any] | None = None
) -> dict[str, Any]:
    """Return a resource as JSON has it, with the attributes that are asked for."""
    return resource.model_dump(
        scim_ctx=Context.RESOURCE_QUERY_RESPONSE, response_parameters=selection
    )


def answer(document: Mapping[str, Any], *, status: int = 200) -> Response:
    """Return the answer with a document, and its location if it was created."""
    headers = {}
    if status == 201:
        headers["Location"] = document["meta"]["location"]
    return Response(to_json(document), status, headers=headers, media_type=MEDIA_TYPE)


def _document(body: bytes) -> dict[str, Any]:
    try:
        found = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise ScimError(f"the body is not JSON: {error}", "invalidSyntax") from None
    if not isinstance(found, dict):
        raise ScimError("the body is not a JSON object", "invalidSyntax")
    require_values(found, "body", bound=_BODY)
    return found


def _require_bounded(operations: Sequence[Mapping[str, Any]]) -> None:
    """Refuse operations that would take long: each may look at all values of a list.

    Raises:
        ScimError: There are too many, or one has a long path.
    """
    if len(operations) > _MOST_OPERATIONS:
        raise ScimError(f"a request has at most {_MOST_OPERATIONS} operations", status=413)
    values = 0
    for each in operations:
        path, value = each.get("path"), each.get("value")
        if isinstance(path, str) and len(path) > _LONGEST_PATH:
            raise ScimError(f"a path has at most {_LONGEST_PATH} characters", "invalidPath")
        named = value if path is None and isinstance(value, dict) else {str(path): value}
        values += sum(map(_length, named.keys(), named.values()))
    if values > _MOST_VALUES:
        raise ScimError(f"the lists of a request have at most {_MOST_VALUES} values", status=413)


def _length(name: str, value: object) -> int:
    """Return the length of a list; members are counted where they are changed."""
    is_of_members = name.lower().rpartition(":")[2] == "members"
    return len(value) if isinstance(value, list) and not is_of_members else 0


def _require_short(asked: Mapping[str, str]) -> None:
    for name, value in asked.items():
        if len(value) > _LONGEST_QUERY:
            scim_type = "invalidFilter" if name == "filter" else "invalidValue"
            raise ScimError(f"{name} has at most {_LONGEST_QUERY:,} characters", scim_type)


def _detail(error: SCIMException) -> str:
    """Return what an error says, without the values that pydantic quotes in some."""
    cause = error.__cause__
    if isinstance(cause, ValidationError):
        first = cause.errors(include_url=False, include_input=False)[0]
        return Error.from_validation_error(first).detail or ""
    return str(error)
