"""Requests as MLflow's clients send them: a query for GET, a JSON object for all other methods."""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from starlette.requests import Request

from pedigree.errors import NotPermittedError, VersionNotFoundError
from pedigree.server.http.inputs import UnusableRequestError
from pedigree.server.mlflow import rules
from pedigree.server.mlflow.fields import (
    MlflowRequest,
    UnacceptedRequestError,
    optional,
    required,
)

T = TypeVar("T", bound=MlflowRequest)

WORKSPACE_HEADER = "x-mlflow-workspace"
_JSON = "application/json"
_DEFAULT_WORKSPACE = "default"
_TYPED_METHODS = frozenset({"POST", "PUT"})
_OTHER_SITES = frozenset({"cross-site", "same-site"})


class WorkspacesDisabledError(UnacceptedRequestError):
    """A request names a workspace, and there is only the default one."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class NamedModel(MlflowRequest):
    """A request about a model."""

    name: str = required(rule=rules.model_name)


def number_of(version: str) -> int:
    """Return the number of a version, as a request has it.

    Raises:
        VersionNotFoundError: It is less than 1, which no version has.
    """
    number = int(version)
    if number < 1:
        raise VersionNotFoundError(
            "no version has this number",
            field="version",
            value=version,
            remedy="Name a version by a number from 1 on",
        )
    return number


@dataclasses.dataclass(frozen=True, kw_only=True)
class NamedVersion(NamedModel):
    """A request about a version of a model."""

    version: str = required(rule=rules.version_number)

    @property
    def number(self) -> int:
        """The number of the version.

        Raises:
            VersionNotFoundError: It is less than 1, which no version has.
        """
        return number_of(self.version)

    @property
    def reference(self) -> str:
        """The version as the registry names it.

        Raises:
            VersionNotFoundError: No version can have the number.
        """
        return f"{self.name}/{self.number}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tag(MlflowRequest):
    """A tag of a model or a version that is created."""

    key: str = optional("")
    value: str = optional("")


def tag_list(_: str, tags: tuple[Tag, ...]) -> str | None:
    """Judge the tags of what is created; a rule, see :mod:`pedigree.server.mlflow.rules`."""
    for tag in tags:
        refused = rules.tag_key("key", tag.key) or rules.tag_value("value", tag.value)
        if refused:
            return refused
    return None


def require_default_workspace(request: Request) -> None:
    """Refuse a request for another workspace, as MLflow does when it has none.

    Raises:
        WorkspacesDisabledError: The header names another workspace.
    """
    named = request.headers.get(WORKSPACE_HEADER, "").strip()
    if named and named != _DEFAULT_WORKSPACE:
        raise WorkspacesDisabledError(
            "Workspace APIs are not available: workspaces are not enabled on this server"
        )


def require_own_site(request: Request) -> None:
    """Refuse a request that a page of another site sends; no client of MLflow is one.

    Such a page needs no permission to send some requests, and the browser or a proxy in front of
    the service may add what makes them somebody's. Every current browser says which site sends it.

    Raises:
        NotPermittedError: Another site sends it.
    """
    site = request.headers.get("sec-fetch-site", "").strip().lower()
    if site in _OTHER_SITES:
        raise NotPermittedError(
            "a page of another site sent the request",
            field="Sec-Fetch-Site",
            value=site,
            remedy="Send it by a client of MLflow",
        )


def read_request(kind: type[T], request: Request, body: bytes) -> T:
    """Return the request that a client sends, with its fields.

    Args:
        kind: What the route takes.
        request: The request, whose path and query are text.
        body: Its body.

    Raises:
        UnacceptedRequestError: MLflow refuses it too.
        UnusableRequestError: A text of it cannot be stored.
    """
    if query := query_of(request):
        _require_storable(query)
        return kind.read_query(query)
    _require_content_type(request)
    given = _json_object(body)
    _require_storable(given)
    return kind.read(given)


def query_of(request: Request) -> list[tuple[str, str]]:
    """Return the query by which a request states its fields; a request without one has a body."""
    if request.method != "GET":
        return []
    # As the framework reads it, without its dictionary for each request.
    return parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)


def _require_content_type(request: Request) -> None:
    if request.method not in _TYPED_METHODS:
        return
    given = request.headers.get("content-type")
    if given is None:
        raise UnacceptedRequestError("Bad Request. Content-Type header is missing.")
    if given.split(";")[0] != _JSON:
        raise UnacceptedRequestError(f"Bad Request. Content-Type must be one of {[_JSON]}.")


def _json_object(body: bytes) -> dict[str, Any]:
    """Return the object of a body. As in MLflow, what is no JSON is an object without fields.

    Old clients encode their object twice.
    """
    try:
        given = json.loads(body)
        if isinstance(given, str):
            given = json.loads(given)
    except (ValueError, RecursionError):
        return {}
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise UnusableRequestError("is not a JSON object", field="body", remedy="Send an object")
    return given


def _require_storable(given: object) -> None:
    """Refuse NUL and lone surrogates in every text, also of fields that are ignored.

    Raises:
        UnusableRequestError: A text has one.
    """
    for text in _texts(given):
        if "\x00" in text or not _is_unicode(text):
            raise UnusableRequestError(
                "has a NUL or a lone surrogate, which no text of the registry may have",
                field="body",
                remedy="Leave it out",
            )


def _texts(given: object) -> Iterator[str]:
    # No recursion: the depth of a body is the sender's choice.
    waiting = [given]
    while waiting:
        found = waiting.pop()
        if isinstance(found, str):
            yield found
        elif isinstance(found, dict):
            waiting.extend((*found.keys(), *found.values()))
        elif isinstance(found, list | tuple):
            waiting.extend(found)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
