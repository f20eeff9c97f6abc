"""Hooks of schemathesis for this service, beyond its OpenAPI document; schemathesis loads them."""

import os
from itertools import count
from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, HookContext, Response
from schemathesis.core.failures import Failure

from pedigree import errors
from tests.server.fuzz import OWN_TOKEN

# Texts of the maximum length, each of their characters encoded as up to twelve.
_LONGEST_URL = 60_000
_CALLS = count()
_TYPE = "urn:pedigree:error:"


@schemathesis.hook
def filter_case(context: HookContext, case: Case) -> bool:
    """Skip the request that revokes the token of all requests."""
    own = os.environ[OWN_TOKEN]
    is_own = str(case.path_parameters.get("token_id")) == own
    return not (is_own and case.operation.label.startswith("DELETE "))


@schemathesis.hook
def map_headers(context: HookContext, headers: dict[str, Any] | None) -> dict[str, Any] | None:
    """Make most keys new: a request with a known key does nothing."""
    for name, key in (headers or {}).items():
        if name.lower() == "idempotency-key" and isinstance(key, str) and next(_CALLS) % 5:
            return {**headers, name: f"{key[:200]}-{next(_CALLS)}"}
    return headers


@schemathesis.hook
def filter_failure(context: HookContext, failure: Failure, case: Case, response: Response) -> bool:
    """Let a request be refused that the schemas allow, where they cannot say why it is wrong.

    That is the state that its own headers ask for (412); a rule of the registry's, which the answer
    names (422), such as the grammar of searches, or a key that another request was sent by; a URL
    that is longer than HTTP is read here (400); and a token that no provider signed (400).
    """
    if len(str(response.request.url)) > _LONGEST_URL:
        return response.status_code != 400
    kind, status = type(failure).__name__, response.status_code
    if case.operation.label == "POST /api/v1/token":
        return status != 400
    if status == 412 and kind in {"RejectedPositiveData", "AcceptedNegativeData"}:
        return {"if-match", "if-none-match"}.isdisjoint(map(str.lower, case.headers))
    return kind != "RejectedPositiveData" or status != 422 or not _is_rule(response.json())


@schemathesis.check
def refusals_say_why(ctx: CheckContext, response: Response, case: Case) -> None:
    """Every refusal is answered with problem details, and never with a crash."""
    if response.status_code < 400 or case.method.upper() == "HEAD":
        return
    (kind,) = response.headers["content-type"]
    assert kind == "application/problem+json", kind
    problem = response.json()
    assert problem["status"] == response.status_code
    assert problem["title"]
    assert problem["detail"]
    known = problem["type"].startswith(_TYPE) and hasattr(errors, problem["type"][len(_TYPE) :])
    assert known or problem["type"] == "about:blank", problem["type"]


def _is_rule(problem: dict[str, str]) -> bool:
    kind = getattr(errors, problem["type"].removeprefix(_TYPE))
    return issubclass(kind, errors.InvalidInputError) and bool(problem["detail"])
