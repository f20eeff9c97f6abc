"""What versions must show to enter a stage."""

from pydantic import Field
from starlette.responses import Response

from pedigree._record import Record
from pedigree.access.records import Permission
from pedigree.contract import paths
from pedigree.lifecycle.decision_records import PolicyRevision
from pedigree.lifecycle.records import Policy
from pedigree.server.http.auth import requires, resource
from pedigree.server.http.requests import Name, ReadCall, WriteCall

router = resource("judging")


class NewPolicy(Record):
    """A policy that a model shall have."""

    policy: Policy
    reason: str | None = Field(default=None, max_length=10_000, description="Why")


class Revision(Record):
    """Which of a model's policies it is: 1, 2, 3 …; 0 where it has none of its own."""

    revision: int


@router.get(paths.POLICY, responses={200: {"model": Policy}})
@requires(Permission.READ)
def get_policy(call: ReadCall, name: Name) -> Response:
    """Return a model's policy; the default one where it has none of its own."""
    return call.answer(call.registry.policy(name))


@router.put(paths.POLICY, responses={200: {"model": Revision}})
@requires(Permission.GOVERN)
def set_policy(call: WriteCall, name: Name, new: NewPolicy) -> Response:
    """Give a model a policy; the model is created if it is new."""
    return call.write(
        lambda registry: Revision(revision=registry.set_policy(name, new.policy, reason=new.reason))
    )


@router.get(paths.POLICY_HISTORY, responses={200: {"model": tuple[PolicyRevision, ...]}})
@requires(Permission.READ)
def list_policies(call: ReadCall, name: Name) -> Response:
    """List the policies that a model was given, the first one first."""
    return call.answer(call.registry.policy_history(name))


@router.get(paths.REGISTRATION_CHECKS, responses={200: {"model": tuple[str, ...]}})
@requires(Permission.READ)
def list_registration_checks(call: ReadCall, name: Name) -> Response:
    """List the checks by which a new version of a model becomes a candidate."""
    return call.answer(call.registry.registration_checks(name))
