"""What a service says went wrong, as the error that a registry in this process would raise."""

import ast
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pedigree import errors
from pedigree.errors import InvalidSearchError, PedigreeError

if TYPE_CHECKING:
    import httpx2

_TYPE = "urn:pedigree:error:"


def error_of(answer: "httpx2.Response") -> PedigreeError:
    """Return the error that an answer tells of."""
    problem = _problem(answer)
    return told_by(problem) or _unknown(answer, problem)


def told_by(problem: Mapping[str, Any]) -> PedigreeError | None:
    """Return the error that problem details tell of; None where it is none of the registry's."""
    name = str(problem.get("type", "")).removeprefix(_TYPE)
    kind = getattr(errors, name, None)
    if not (isinstance(kind, type) and issubclass(kind, PedigreeError)):
        return None
    error = kind.__new__(kind)
    if isinstance(error, InvalidSearchError):
        error.expression, error.allowed = str(problem.get("expression", "")), ()
        start, end = problem.get("place", (0, 0))
        error.place = (start, end)
    field, fix = problem.get("field"), problem.get("fix")
    value = _value(problem.get("value"))
    detail = str(problem["detail"])
    if isinstance(error, InvalidSearchError):
        detail = detail.rpartition("\n  ")[0].rpartition("\n  ")[0]  # below it stands the place
    message = _message(detail, field, problem.get("value"), fix)
    PedigreeError.__init__(error, message, field=field, value=value, remedy=fix)
    return error


def _problem(answer: "httpx2.Response") -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:  # not of the service, but of something before it
        return {}
    return found if isinstance(found, dict) and "detail" in found else {}


def _unknown(answer: "httpx2.Response", problem: dict[str, Any]) -> PedigreeError:
    """Tell of an answer that is none of the registry's own."""
    said = problem.get("detail") or answer.reason_phrase
    where = f"{answer.request.method} {answer.request.url.copy_with(query=None)}"
    message = f"{where} was answered {answer.status_code} {said}"
    if answer.status_code in (404, 405):
        return errors.NotServedError(
            message, remedy="See that the URL is that of a service of this version"
        )
    if answer.status_code == 429 or answer.status_code >= 500:
        return errors.ServiceUnavailableError(message, remedy="Look into the service's log")
    return errors.RefusedError(message, remedy="See what stands between here and the service")


class _Written(str):
    """A value as the service wrote it, where it is not whole."""

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
    """Return the clause of a detail, which names the field, the value and the remedy as well."""
    got = f" (got {value})" if value is not None else ""
    remedy = f" {fix}." if fix else ""
    clause = detail.removeprefix(f"{field}: ")
    return clause.removesuffix(remedy).removesuffix(".").removesuffix(got)
