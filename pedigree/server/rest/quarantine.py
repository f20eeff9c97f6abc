"""Quarantine of data and versions."""

from typing import Annotated

from fastapi import Query
from pydantic import Field
from starlette.responses import Response

from pedigree._record import Record
from pedigree.access.records import Permission
from pedigree.catalog.quarantine_records import Quarantine, Quarantined
from pedigree.catalog.records import ModelVersion
from pedigree.contract import paths
from pedigree.server.http.auth import requires
from pedigree.server.http.pages import Page
from pedigree.server.http.parameters import DIGITS, Limit, Moment, Name, Number
from pedigree.server.http.requests import ChangeCall, ReadCall, WriteCall
from pedigree.server.http.resources import resource

router = resource("quarantines")

OptionalReason = Annotated[str | None, Query(max_length=2000, description="The reason")]


class NewQuarantine(Record):
    """Data to quarantine."""

    asset: str = Field(
        min_length=1, max_length=512, description="The asset's key, parts joined by /"
    )
    partition: str | None = Field(
        default=None, max_length=512, description="All partitions when null"
    )
    reason: str = Field(min_length=1, max_length=2000)
    since: Moment | None = Field(default=None, description="Only data recorded from this time on")
    only_certain: bool = Field(
        default=False, description="Exclude versions that only possibly depend on it"
    )


class Why(Record):
    """A reason."""

    reason: str = Field(min_length=1, max_length=2000)


class Quarantines(Record):
    """The quarantines that have ended."""

    quarantines: tuple[Quarantine, ...]


@router.get(paths.QUARANTINES, responses={200: {"model": Page[Quarantine]}})
@requires(Permission.READ, lists=True)
def list_quarantines(
    call: ReadCall,
    limit: Limit = 100,
    before: Annotated[
        int | None,
        Query(ge=1, lt=2**63, description="The last quarantine_id of the previous page"),
        DIGITS,
    ] = None,
) -> Response:
    """List the open quarantines, the newest first."""
    found = call.registry.quarantines(limit=limit + 1, before=before)
    return call.page(found, limit, lambda quarantine: quarantine.quarantine_id, "before")


@router.post(paths.QUARANTINES, status_code=201, responses={201: {"model": Quarantined}})
@requires(Permission.QUARANTINE)
def quarantine(call: WriteCall, new: NewQuarantine) -> Response:
    """Quarantine data: no version that depends on it enters a stage until its release."""
    return call.write(
        lambda registry: registry.quarantine(
            new.asset,
            new.partition,
            reason=new.reason,
            since=new.since,
            only_certain=new.only_certain,
        ),
        status=201,
    )


@router.delete(paths.QUARANTINES, responses={200: {"model": Quarantines}})
@requires(Permission.QUARANTINE)
def release(
    call: WriteCall,
    asset: Annotated[str, Query(min_length=1, max_length=512)],
    partition: Annotated[
        str | None, Query(max_length=512, description="Required without `whole_asset`")
    ] = None,
    whole_asset: Annotated[
        bool, Query(description="End the quarantines of the whole asset, not of its partitions")
    ] = False,
    reason: OptionalReason = None,
) -> Response:
    """End the quarantines of one partition, or of a whole asset; one of both must be given."""
    return call.write(
        lambda registry: Quarantines(
            quarantines=registry.release(asset, partition, whole_asset=whole_asset, reason=reason)
        )
    )


@router.put(paths.VERSION_QUARANTINE, responses={200: {"model": ModelVersion}})
@requires(Permission.QUARANTINE)
def quarantine_version(call: ChangeCall, name: Name, version: Number, why: Why) -> Response:
    """Quarantine one version, independently of its data."""
    reference = f"{name}/{version}"
    return call.of(lambda registry: registry.get(reference)).write(
        lambda registry: registry.quarantine_version(reference, reason=why.reason)
    )


@router.delete(paths.VERSION_QUARANTINE, responses={200: {"model": ModelVersion}})
@requires(Permission.QUARANTINE)
def release_version(
    call: ChangeCall, name: Name, version: Number, reason: OptionalReason = None
) -> Response:
    """Release one version from every quarantine."""
    reference = f"{name}/{version}"
    return call.of(lambda registry: registry.get(reference)).write(
        lambda registry: registry.release_version(reference, reason=reason)
    )
