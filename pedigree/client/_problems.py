"""Problem details of a service, as the errors that a registry in this process raises."""

import ast
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pedigree import errors
from pedigree.errors import InvalidSearchError, PedigreeError

if TYPE_CHECKING:
    import httpx2

_TYPE = "urn:pedigree:error:"


def error_of(answer: "httpx2.Response") -> PedigreeError:
    """Return the error that an answer reports."""
    problem = _problem(answer)
    return error_of_problem(problem) or _unknown(answer, problem)


def error_of_problem(problem: Mapping[str, Any]) -> PedigreeError | None:
    """Return the error that problem details report; None if it is not an error of Pedigree."""
    name = str(problem.get("type", "")).removeprefix(_TYPE)
    kind = getattr(errors, name, None)
    if not (isinstance(kind, type) and issubclass(kind, PedigreeError)):
        return None
    error = kind.__new__(kind)
    if isinstance(error, InvalidSearchError):
        error.expression, error.allowed = str(problem.get("expression", "")), ()
        start, end = problem.get("place", (0, 0))
        error.place = (start, end)
    if isinstance(error, errors.BytesMissingError):
        error.digests = tuple(map(str, problem.get("missing") or ()))
    field, fix = problem.get("field"), problem.get("fix")
    value = _value(problem.get("value"))
    detail = str(problem["detail"])
    if isinstance(error, InvalidSearchError):
        detail = detail.rpartition("\n  ")[0].rpartition("\n  ")[0]  # the place is below it
    message = _message(detail, field, problem.get("value"), fix)
    PedigreeError.__init__(error, message, field=field, value=value, remedy=fix)
    return error


def _problem(answer: "httpx2.Response") -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:  # the answer of a proxy in front of the service
        return {}
    return found if isinstance(found, dict) and "detail" in found else {}


def _unknown(answer: "httpx2.Response", problem: dict[str, Any]) -> PedigreeError:
    """Return the error of an answer that is not from Pedigree."""
    detail = problem.get("detail") or answer.reason_phrase
    where = f"{answer.request.method} {answer.request.url.copy_with(query=None)}"
    message = f"{where} was answered {answer.status_code} {detail}"
    if answer.status_code in (404, 405):
        return errors.NotServedError(
            message, remedy="Check that the URL is that of a service of this version"
        )
    if answer.status_code in (408, 429) or answer.status_code >= 500:
        return errors.ServiceUnavailableError(message, remedy="See the service's log")
    return errors.RefusedError(message, remedy="Check the proxies between here and the service")


class _Written(str):
    """A value as the service wrote it, if it was shortened."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _value(written: str | None) -> object:
    if written is None:
        return None
    try:
        return ast.literal_eval(written)
    except (ValueError, SyntaxError):
        return _Written(written)


def _message(detail: str, field: str | None, value: str | None, fix: str | None) -> str:
    """Return the message of a detail, without the field, the value and the remedy."""
    got = f" (got {value})" if value is not None else ""
    remedy = f" {fix}." if fix else ""
    clause = detail.removeprefix(f"{field}: ")
    return clause.removesuffix(remedy).removesuffix(".").removesuffix(got)
