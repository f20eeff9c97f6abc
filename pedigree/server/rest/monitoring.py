"""Profiles of training data, and the drift of new data from them."""

from typing import Annotated

from fastapi import Path, Query
from pydantic import Field
from starlette.responses import Response

from pedigree._record import Record
from pedigree.access.records import Permission
from pedigree.contract import paths
from pedigree.monitoring.records import DataProfile, Expectations, RecordedDrift
from pedigree.server.http.auth import requires
from pedigree.server.http.pages import Page
from pedigree.server.http.parameters import DIGITS, BeforeId, Limit, Name, Number
from pedigree.server.http.requests import ReadCall, WriteCall
from pedigree.server.http.resources import resource
from pedigree.server.http.security_headers import REPORT_POLICY

router = resource("monitoring")

DriftId = Annotated[int, Path(ge=1, lt=2**63, description="The id of a drift result"), DIGITS]


class Measurement(Record):
    """Data to compare with a version's training data."""

    profile: DataProfile = Field(
        description="The profile of the data, with the edges and values of the version's profile"
    )
    asset: str = Field(min_length=1, max_length=512, description="The name of the data")
    partition: str | None = Field(
        default=None, max_length=512, description="The partition of the data"
    )
    data_version: str | None = Field(default=None, max_length=512)
    expectations: tuple[Expectations, ...] = Field(default=(), max_length=100)
    run_id: str | None = Field(
        default=None, max_length=512, description="The Dagster run that measures"
    )


class Alerted(Record):
    """Whether this call emitted the event: false if it was emitted before, or without an alarm."""

    alerted: bool


@router.get(paths.PROFILE, responses={200: {"model": DataProfile}})
@requires(Permission.READ)
def get_profile(call: ReadCall, name: Name, version: Number) -> Response:
    """Return the profile of a version's training data."""
    return call.answer(call.registry.profile(f"{name}/{version}"))


@router.put(paths.PROFILE, status_code=204)
@requires(Permission.DESCRIBE)
def keep_profile(call: WriteCall, name: Name, version: Number, profile: DataProfile) -> Response:
    """Store the profile of a version's training data; an existing profile stays."""
    return call.write(lambda registry: registry.keep_profile(f"{name}/{version}", profile))


@router.post(paths.VERSION_DRIFT, responses={200: {"model": RecordedDrift}})
@requires(Permission.JUDGE)
def measure_drift(call: WriteCall, name: Name, version: Number, data: Measurement) -> Response:
    """Compare data with a version's training data; the result is stored, with a report."""
    return call.repeat(
        lambda registry: registry.measure_drift(
            f"{name}/{version}",
            data.profile,
            asset=data.asset,
            partition=data.partition,
            data_version=data.data_version,
            expectations=data.expectations,
            run_id=data.run_id,
        )
    )


@router.get(paths.VERSION_DRIFT, responses={200: {"model": Page[RecordedDrift]}})
@requires(Permission.READ)
def list_drift(
    call: ReadCall,
    name: Name,
    version: Number,
    *,
    asset: Annotated[
        str | None, Query(min_length=1, max_length=512, description="Only results of this data")
    ] = None,
    limit: Limit = 100,
    before: BeforeId = None,
) -> Response:
    """List the newest results of the last partitions compared with a version, in order."""
    found = call.registry.drift(f"{name}/{version}", asset, limit=limit + 1, before=before)
    return call.page_before(found, limit, lambda result: result.drift_id)


@router.get(paths.DRIFT, responses={200: {"model": RecordedDrift}})
@requires(Permission.READ, model_in_body=True)
def get_drift(call: ReadCall, drift_id: DriftId) -> Response:
    """Return one drift result."""
    return call.answer(call.registry.drift_result(drift_id))


@router.get(
    paths.DRIFT_REPORT,
    responses={
        200: {"description": "The report", "content": {"text/html": {}, "text/markdown": {}}}
    },
)
@requires(Permission.READ, model_in_body=True)
def get_drift_report(
    call: ReadCall,
    drift_id: DriftId,
    markdown: Annotated[bool, Query(description="As Markdown instead of HTML")] = False,
) -> Response:
    """Return the report of a drift result, as HTML or as Markdown."""
    report = call.registry.drift_report_text(drift_id, markdown=markdown)
    kind = "text/markdown" if markdown else "text/html"
    # The report shows untrusted names and values; a page of this origin could act as its reader.
    return call.text(report, kind, {"Content-Security-Policy": REPORT_POLICY})


@router.post(paths.DRIFT_ALERT, responses={200: {"model": Alerted}})
@requires(Permission.JUDGE, model_in_body=True)
def alert_drift(call: WriteCall, drift_id: DriftId) -> Response:
    """Emit the event version.drift_detected for an alarm, at most once."""
    return call.write(lambda registry: Alerted(alerted=registry.alert_drift(drift_id)))
