"""What was found out of versions and data elsewhere: verdicts, evaluations, profiles and drift."""

from typing import Annotated

from fastapi import Path, Query
from pydantic import Field
from starlette.responses import Response

from pedigree._record import Record
from pedigree.access.records import Permission
from pedigree.datasets.records import DataState, DataVerdict, RecordedDataVerdict
from pedigree.errors import NotPermittedError
from pedigree.evaluation.records import Evaluation, KeptEvaluation
from pedigree.lifecycle.checks import CHECKS
from pedigree.lifecycle.records import RecordedVerdict, Verdict
from pedigree.monitoring.records import DataProfile, Expectations, RecordedDrift
from pedigree.server.http.auth import requires, resource
from pedigree.server.http.parameters import DIGITS
from pedigree.server.http.requests import Name, Number, ReadCall, WriteCall
from pedigree.server.rest.lineage import VERSION

router = resource("monitoring")

DriftId = Annotated[int, Path(ge=1, lt=2**63, description="A result's number"), DIGITS]


class FoundEvaluation(Record):
    """How a version did by group; null where no evaluation is kept with it."""

    evaluation: KeptEvaluation | None


class Measurement(Record):
    """Some data that is to be held against what a version learnt from."""

    profile: DataProfile = Field(
        description="Its profile, with the edges and values of the version's own"
    )
    asset: str = Field(min_length=1, max_length=512, description="What the data is called")
    partition: str | None = Field(default=None, max_length=512, description="Which part of it")
    data_version: str | None = Field(default=None, max_length=512)
    expectations: tuple[Expectations, ...] = Field(default=(), max_length=100)
    run_id: str | None = Field(default=None, max_length=512, description="The run that asks")


class Alerted(Record):
    """Whether somebody was told just now: false where that was done before, or all is well."""

    alerted: bool


class DriftResults(Record):
    """The newest result of each partition, in order."""

    results: tuple[RecordedDrift, ...]


class DataVerdicts(Record):
    """The newest verdict of each check."""

    verdicts: tuple[RecordedDataVerdict, ...]


@router.post(f"{VERSION}/verdicts", status_code=201, responses={201: {"model": RecordedVerdict}})
@requires(Permission.JUDGE)
def record_verdict(call: WriteCall, name: Name, version: Number, found: Verdict) -> Response:
    """Record what a check found that is run elsewhere, such as in CI.

    The registry's own checks are run by the service: POST …/checks.
    """
    if found.check in CHECKS:
        raise NotPermittedError(
            "the service runs this check itself, and takes nobody's word for it",
            field="check",
            value=found.check,
            remedy="Have it run by POST …/checks",
        )
    return call.write(
        lambda registry: registry.record_verdict(f"{name}/{version}", found), status=201
    )


@router.get(f"{VERSION}/evaluation", responses={200: {"model": FoundEvaluation}})
@requires(Permission.READ)
def get_evaluation(call: ReadCall, name: Name, version: Number) -> Response:
    """Say how a version did for each group of its evaluation data."""
    return call.answer(FoundEvaluation(evaluation=call.registry.evaluation(f"{name}/{version}")))


@router.put(f"{VERSION}/evaluation", status_code=204)
@requires(Permission.DESCRIBE)
def set_evaluation(call: WriteCall, name: Name, version: Number, found: Evaluation) -> Response:
    """Keep how a version did by group; an old version may be evaluated at any time."""
    return call.write(lambda registry: registry.set_evaluation(f"{name}/{version}", found))


@router.get(f"{VERSION}/profile", responses={200: {"model": DataProfile}})
@requires(Permission.READ)
def get_profile(call: ReadCall, name: Name, version: Number) -> Response:
    """Return the profile of what a version learnt from."""
    return call.answer(call.registry.profile(f"{name}/{version}"))


@router.put(f"{VERSION}/profile", status_code=204)
@requires(Permission.DESCRIBE)
def keep_profile(call: WriteCall, name: Name, version: Number, profile: DataProfile) -> Response:
    """Keep the profile of what a version learnt from; the one it has already stays."""
    return call.write(lambda registry: registry.keep_profile(f"{name}/{version}", profile))


@router.post(f"{VERSION}/drift", responses={200: {"model": RecordedDrift}})
@requires(Permission.JUDGE)
def measure_drift(call: WriteCall, name: Name, version: Number, data: Measurement) -> Response:
    """Hold some data against what a version learnt from; what was found is kept, with a report."""
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


@router.get(f"{VERSION}/drift", responses={200: {"model": DriftResults}})
@requires(Permission.READ)
def list_drift(
    call: ReadCall,
    name: Name,
    version: Number,
    asset: Annotated[
        str | None, Query(min_length=1, max_length=512, description="Only of this data")
    ] = None,
) -> Response:
    """List the newest result of each partition that was held against a version, in order."""
    return call.answer(DriftResults(results=call.registry.drift(f"{name}/{version}", asset)))


@router.get("/drift/{drift_id}", responses={200: {"model": RecordedDrift}})
@requires(Permission.READ, model_in_body=True)
def get_drift(call: ReadCall, drift_id: DriftId) -> Response:
    """Return one result."""
    found = call.registry.drift_result(drift_id)
    call.caller.require_model(_model_of(found))
    return call.answer(found)


@router.get(
    "/drift/{drift_id}/report",
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
    """Return a result's report: HTML, or Markdown."""
    call.caller.require_model(_model_of(call.registry.drift_result(drift_id)))
    report = call.registry.drift_report_text(drift_id, markdown=markdown)
    kind = "text/markdown" if markdown else "text/html"
    # Columns and values are named by others, and a page of this origin could act as its reader.
    return Response(report, media_type=kind, headers={"Content-Security-Policy": "sandbox"})


@router.post("/drift/{drift_id}/alert", responses={200: {"model": Alerted}})
@requires(Permission.JUDGE, model_in_body=True)
def alert_drift(call: WriteCall, drift_id: DriftId) -> Response:
    """Tell of an alarm by the event version.drift_detected, and once."""
    call.caller.require_model(_model_of(call.caller.registry.drift_result(drift_id)))
    return call.write(lambda registry: Alerted(alerted=registry.alert_drift(drift_id)))


@router.get("/data/verdicts", responses={200: {"model": DataVerdicts}})
@requires(Permission.READ)
def list_data_verdicts(
    call: ReadCall,
    *,
    asset: Annotated[
        str, Query(min_length=1, max_length=512, description="Its key, parts joined by /")
    ],
    partition: Annotated[str | None, Query(max_length=512)] = None,
    storage_id: Annotated[
        int | None, Query(ge=0, lt=2**63, description="Dagster's id of its event"), DIGITS
    ] = None,
    materialized_by: Annotated[
        str | None, Query(max_length=512, description="The run that wrote it")
    ] = None,
    data_version: Annotated[str | None, Query(max_length=512)] = None,
) -> Response:
    """List the newest verdict of each check on exactly one state of some data."""
    state = DataState(
        asset=asset,
        partition=partition,
        storage_id=storage_id,
        materialized_by=materialized_by,
        data_version=data_version,
    )
    return call.answer(DataVerdicts(verdicts=call.registry.data_verdicts([state])))


@router.post("/data/verdicts", status_code=201, responses={201: {"model": RecordedDataVerdict}})
@requires(Permission.JUDGE)
def record_data_verdict(call: WriteCall, found: DataVerdict) -> Response:
    """Record what a check, such as a suite of expectations, found on one state of some data."""
    return call.write(lambda registry: registry.record_data_verdict(found), status=201)


def _model_of(result: RecordedDrift) -> str:
    return result.reference.rpartition("/")[0]
