"""Policies: the gates of each stage."""

from typing import Annotated

from fastapi import Path, Query
from pydantic import Field
from starlette.responses import Response

from pedigree._record import Record
from pedigree.access.records import Permission
from pedigree.contract import paths
from pedigree.lifecycle.decision_records import PolicyDefault, PolicyRevision
from pedigree.lifecycle.records import Policy
from pedigree.server.http.auth import requires
from pedigree.server.http.pages import Page
from pedigree.server.http.parameters import AfterId, Limit, Name
from pedigree.server.http.requests import ReadCall, WriteCall
from pedigree.server.http.resources import resource

router = resource("judging")

Pattern = Annotated[
    str,
    Path(min_length=1, max_length=256, description="The name of a model, or such as risk-*"),
]


class NewPolicy(Record):
    """A new policy of a model."""

    policy: Policy
    reason: str | None = Field(
        default=None, max_length=10_000, description="The reason, for the audit log"
    )


class Revision(Record):
    """The number of the policy's revision: 1, 2, 3 …; 0 if the model has no policy of its own."""

    revision: int


@router.get(paths.POLICY, responses={200: {"model": Policy}})
@requires(Permission.READ)
def get_policy(call: ReadCall, name: Name) -> Response:
    """Return a model's policy; the default policy if it has none of its own."""
    return call.answer(call.registry.policy(name))


@router.put(paths.POLICY, responses={200: {"model": Revision}})
@requires(Permission.GOVERN)
def set_policy(call: WriteCall, name: Name, new: NewPolicy) -> Response:
    """Set a model's policy; a new model is created."""
    return call.write(
        lambda registry: Revision(revision=registry.set_policy(name, new.policy, reason=new.reason))
    )


@router.get(paths.POLICY_HISTORY, responses={200: {"model": Page[PolicyRevision]}})
@requires(Permission.READ)
def list_policies(call: ReadCall, name: Name, limit: Limit = 100, after: AfterId = 0) -> Response:
    """List the revisions of a model's policy, the oldest first."""
    found = call.registry.policy_history(name, limit=limit + 1, after=after)
    return call.page(found, limit, lambda each: each.revision)


@router.get(paths.POLICY_DEFAULTS, responses={200: {"model": Page[PolicyDefault]}})
@requires(Permission.AUDIT)
def list_policy_defaults(
    call: ReadCall,
    limit: Limit = 100,
    after: Annotated[
        str | None, Query(max_length=256, description="The last pattern of the previous page")
    ] = None,
) -> Response:
    """List the policies of new models, by pattern."""
    found = call.registry.policy_defaults(limit=limit + 1, after=after)
    return call.page(found, limit, lambda each: each.pattern)


@router.put(paths.POLICY_DEFAULT, responses={200: {"model": PolicyDefault}})
@requires(Permission.GOVERN)
def set_policy_default(call: WriteCall, pattern: Pattern, new: NewPolicy) -> Response:
    """Set the policy of new models whose names fit a pattern."""
    return call.write(
        lambda registry: registry.set_policy_default(pattern, new.policy, reason=new.reason)
    )


@router.delete(paths.POLICY_DEFAULT, status_code=204)
@requires(Permission.GOVERN)
def delete_policy_default(
    call: WriteCall,
    pattern: Pattern,
    reason: Annotated[str | None, Query(max_length=2000, description="Why")] = None,
) -> Response:
    """Delete the policy of new models of a pattern; models that have it keep it."""
    return call.write(lambda registry: registry.delete_policy_default(pattern, reason=reason))


@router.get(paths.REGISTRATION_CHECKS, responses={200: {"model": tuple[str, ...]}})
@requires(Permission.READ)
def list_registration_checks(call: ReadCall, name: Name) -> Response:
    """List the checks that a new version must pass to become a candidate."""
    return call.answer(call.registry.registration_checks(name))
