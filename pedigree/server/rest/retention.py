"""Restore what was deleted, and hold what must not be."""

from pydantic import Field
from starlette.responses import Response

from pedigree._record import Record
from pedigree.access.records import Permission
from pedigree.catalog.records import ModelVersion
from pedigree.server.http.auth import requires, resource
from pedigree.server.http.requests import Name, Number, WriteCall
from pedigree.server.rest.lineage import VERSION
from pedigree.server.rest.quarantine import OptionalReason, Why

router = resource("keeping")


class Restoring(Record):
    """Why something comes back."""

    reason: str | None = Field(default=None, max_length=10_000)


@router.post(f"{VERSION}/restore", responses={200: {"model": ModelVersion}})
@requires(Permission.DELETE)
def restore_version(call: WriteCall, name: Name, version: Number, why: Restoring) -> Response:
    """Bring a deleted version back, in the stage that it had; a living one stays as it is."""
    return call.write(lambda registry: registry.restore(f"{name}/{version}", reason=why.reason))


@router.post("/models/{name}/restore", responses={200: {"model": tuple[int, ...]}})
@requires(Permission.DELETE)
def restore_model(call: WriteCall, name: Name, why: Restoring) -> Response:
    """Bring a deleted model back, with those versions whose bytes are there."""
    return call.write(lambda registry: registry.restore_model(name, reason=why.reason))


@router.put(f"{VERSION}/hold", status_code=204)
@requires(Permission.GOVERN)
def hold(call: WriteCall, name: Name, version: Number, why: Why) -> Response:
    """Put a legal hold on a version: it cannot be deleted until that is lifted."""
    return call.write(lambda registry: registry.hold(f"{name}/{version}", reason=why.reason))


@router.delete(f"{VERSION}/hold", status_code=204)
@requires(Permission.GOVERN)
def lift_hold(
    call: WriteCall, name: Name, version: Number, reason: OptionalReason = None
) -> Response:
    """Take a version's legal hold away; a version without one is left as it is."""
    return call.write(lambda registry: registry.lift_hold(f"{name}/{version}", reason=reason))
