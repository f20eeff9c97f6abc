"""Inputs that no endpoint reads: other bytes than text, unknown parameters, bodies without JSON."""

from difflib import get_close_matches
from typing import Any, NamedTuple, Self, get_args, get_origin
from urllib.parse import unquote_to_bytes

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query
from starlette.datastructures import QueryParams

from pedigree.errors import InvalidInputError

_JSON = "application/json"


class UnusableRequestError(InvalidInputError):
    """A request that the OpenAPI document excludes, whatever its values are."""


class WrongContentTypeError(InvalidInputError):
    """The body is not of the content type that the route reads."""


class QueryRules(NamedTuple):
    """The query parameters of a route."""

    single: frozenset[str]
    several: frozenset[str]

    @classmethod
    def of(cls, dependant: Dependant) -> Self:
        """Return the parameters that an endpoint and its dependencies declare."""
        fields = [each for each in get_flat_params(dependant) if isinstance(each.field_info, Query)]
        several = frozenset(each.alias for each in fields if _is_list(each.field_info.annotation))
        return cls(frozenset(each.alias for each in fields) - several, several)

    def has(self, query: QueryParams) -> bool:
        """Return whether a query has only these parameters, and each of them once if it must."""
        names = [name for name, _ in query.multi_items()]
        unknown = set(names) - self.single - self.several
        return not unknown and all(names.count(name) == 1 for name in self.single & set(names))

    def require_known(self, query: QueryParams) -> None:
        """Refuse a query that has other parameters, or one of them twice.

        Raises:
            UnusableRequestError: The route would ignore a part of the query.
        """
        if self.has(query):
            return
        known = sorted(self.single | self.several)
        for name, value in query.multi_items():
            if name in self.several:
                continue
            if name in self.single and len(query.getlist(name)) == 1:
                continue
            if name in self.single:
                raise UnusableRequestError(
                    "is given more than once", field=name, remedy="Give it once"
                )
            raise UnusableRequestError(
                "is not a parameter of this route",
                field=name or "query",
                value=value,
                remedy=_remedy(name, known),
            )


def is_text(encoded: bytes) -> bool:
    """Return whether a path or a query, percent-encoded, is text in UTF-8."""
    if b"%" not in encoded and encoded.isascii():
        return True
    try:
        unquote_to_bytes(encoded).decode()
    except UnicodeDecodeError:
        return False
    return True


def require_text(request: Request) -> None:
    """Refuse a path or a query that is not UTF-8; the framework would replace such bytes.

    Raises:
        UnusableRequestError: One of them has other bytes.
    """
    parts = {"path": request.scope.get("raw_path") or b"", "query": request.scope["query_string"]}
    for part, encoded in parts.items():
        if not is_text(encoded):
            raise UnusableRequestError(
                "is not Unicode text: it has bytes that are not UTF-8",
                field=part,
                remedy="Percent-encode it as UTF-8",
            )


def require_json(request: Request) -> None:
    """Refuse a body that is not declared as JSON.

    Raises:
        WrongContentTypeError: The header Content-Type is missing or names another type.
    """
    headers = request.headers
    if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
        return  # the missing body is reported with the fields that it lacks
    given = headers.get("content-type")
    kind, _, subtype = (given or "").partition(";")[0].strip().lower().partition("/")
    if kind == "application" and (subtype == "json" or subtype.endswith("+json")):
        return
    raise WrongContentTypeError(
        "is missing" if given is None else "is not JSON",
        field="Content-Type",
        value=given,
        remedy=f"Send the header `Content-Type: {_JSON}` with the body",
    )


def _is_list(kind: Any) -> bool:
    return any(get_origin(each) is list for each in (kind, *get_args(kind)))


def _remedy(name: str, known: list[str]) -> str:
    if not known:
        return "Leave it out: this route has no parameters"
    close = get_close_matches(name, known, n=1)
    start = f"Write {close[0]!r}" if close else "Leave it out"
    return f"{start}; the parameters are {', '.join(known)}"
