"""Retention of versions: restore, hold, and the rule of a model."""

from pydantic import Field
from starlette.responses import Response

from pedigree._record import Record
from pedigree.access.records import Permission
from pedigree.catalog.records import ModelVersion
from pedigree.contract import paths
from pedigree.lifecycle.records import RetentionRule
from pedigree.server.http.auth import requires
from pedigree.server.http.parameters import Name, Number
from pedigree.server.http.requests import ReadCall, WriteCall
from pedigree.server.http.resources import resource
from pedigree.server.rest.quarantine import OptionalReason, Why

router = resource("keeping")


class Restoring(Record):
    """The reason for a restore."""

    reason: str | None = Field(default=None, max_length=10_000)


@router.post(paths.VERSION_RESTORE, responses={200: {"model": ModelVersion}})
@requires(Permission.DELETE)
def restore_version(call: WriteCall, name: Name, version: Number, why: Restoring) -> Response:
    """Restore a deleted version into its stage; a version that is not deleted stays unchanged."""
    call.caller.registry.operations.retention.require_bytes(name, version)
    return call.write(lambda registry: registry.restore(f"{name}/{version}", reason=why.reason))


@router.post(paths.MODEL_RESTORE, responses={200: {"model": tuple[int, ...]}})
@requires(Permission.DELETE)
def restore_model(call: WriteCall, name: Name, why: Restoring) -> Response:
    """Restore a deleted model and the versions deleted with it whose bytes still exist."""
    call.caller.registry.operations.retention.require_bytes(name)
    return call.write(lambda registry: registry.restore_model(name, reason=why.reason))


@router.put(paths.HOLD, status_code=204)
@requires(Permission.GOVERN)
def hold(call: WriteCall, name: Name, version: Number, why: Why) -> Response:
    """Put a legal hold on a version: it cannot be deleted until the hold is lifted."""
    return call.write(lambda registry: registry.hold(f"{name}/{version}", reason=why.reason))


@router.delete(paths.HOLD, status_code=204)
@requires(Permission.GOVERN)
def lift_hold(
    call: WriteCall, name: Name, version: Number, reason: OptionalReason = None
) -> Response:
    """Lift a version's legal hold; a version without one stays unchanged."""
    return call.write(lambda registry: registry.lift_hold(f"{name}/{version}", reason=reason))


@router.get(paths.RETENTION, tags=["judging"], responses={200: {"model": RetentionRule}})
@requires(Permission.READ)
def get_retention(call: ReadCall, name: Name) -> Response:
    """Return a model's retention rule; an empty rule if it has none of its own."""
    return call.answer(call.registry.retention(name))


@router.put(paths.RETENTION, tags=["judging"], responses={200: {"model": RetentionRule}})
@requires(Permission.GOVERN)
def set_retention(call: WriteCall, name: Name, rule: RetentionRule) -> Response:
    """Set a model's retention rule; the rest of its policy stays."""
    return call.write(lambda registry: registry.set_retention(name, rule))
