"""Training data: datasheets, and verdicts on its states."""

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from pedigree.access.records import Permission
from pedigree.contract import paths
from pedigree.datasets.records import (
    Datasheet,
    DataState,
    DataVerdict,
    KeptDatasheet,
    RecordedDataVerdict,
)
from pedigree.server.http.auth import requires
from pedigree.server.http.pages import Page
from pedigree.server.http.parameters import DIGITS, AfterId, Limit
from pedigree.server.http.requests import ReadCall, WriteCall
from pedigree.server.http.resources import resource

router = resource("judging")

Asset = Annotated[
    str, Query(min_length=1, max_length=512, description="The asset's key, parts joined by /")
]


@router.get(paths.DATASHEET, responses={200: {"model": KeptDatasheet}})
@requires(Permission.READ, lists=True)
def get_datasheet(call: ReadCall, asset: Asset) -> Response:
    """Return an asset's latest datasheet."""
    return call.answer(call.registry.datasheet(asset))


@router.put(paths.DATASHEET, responses={200: {"model": KeptDatasheet}})
@requires(Permission.DESCRIBE)
def set_datasheet(call: WriteCall, asset: Asset, datasheet: Datasheet) -> Response:
    """Set an asset's datasheet; an unchanged datasheet is not written again."""
    return call.write(lambda registry: registry.set_datasheet(asset, datasheet))


@router.get(paths.DATASHEETS, responses={200: {"model": Page[KeptDatasheet]}})
@requires(Permission.READ, lists=True)
def list_datasheets(
    call: ReadCall,
    asset: Annotated[list[str], Query(min_length=1, max_length=100)],
    limit: Limit = 100,
    after: Annotated[
        str, Query(max_length=512, description="The last asset of the previous page")
    ] = "",
) -> Response:
    """List the latest datasheets of assets; assets without one are left out."""
    operations = call.registry.operations.datasets
    found = operations.datasheet_page(asset, limit=limit + 1, after=after)
    return call.page(found, limit, lambda sheet: sheet.asset)


@router.get(
    paths.DATA_VERDICTS,
    tags=["monitoring"],
    responses={200: {"model": Page[RecordedDataVerdict]}},
)
@requires(Permission.READ, lists=True)
def list_data_verdicts(
    call: ReadCall,
    *,
    asset: Annotated[
        str, Query(min_length=1, max_length=512, description="The asset's key, parts joined by /")
    ],
    partition: Annotated[str | None, Query(max_length=512)] = None,
    storage_id: Annotated[
        int | None,
        Query(ge=0, lt=2**63, description="Dagster's id of the materialization event"),
        DIGITS,
    ] = None,
    materialized_by: Annotated[
        str | None, Query(max_length=512, description="The run that wrote it")
    ] = None,
    data_version: Annotated[str | None, Query(max_length=512)] = None,
    limit: Limit = 100,
    after: AfterId = 0,
) -> Response:
    """List the newest verdict of each check on exactly one state of data."""
    state = DataState(
        asset=asset,
        partition=partition,
        storage_id=storage_id,
        materialized_by=materialized_by,
        data_version=data_version,
    )
    found = call.registry.data_verdicts([state], limit=limit + 1, after=after)
    return call.page(found, limit, lambda verdict: verdict.data_verdict_id)


@router.post(
    paths.DATA_VERDICTS,
    tags=["monitoring"],
    status_code=201,
    responses={201: {"model": RecordedDataVerdict}},
)
@requires(Permission.JUDGE)
def record_data_verdict(call: WriteCall, found: DataVerdict) -> Response:
    """Record the verdict of a check, such as an expectation suite, on one state of data."""
    return call.write(lambda registry: registry.record_data_verdict(found), status=201)
