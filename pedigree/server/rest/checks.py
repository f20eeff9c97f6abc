"""Checks of versions, and their verdicts."""

from typing import Annotated

from pydantic import Field, StrictBool
from starlette.responses import Response

from pedigree._record import Record
from pedigree.access.records import Permission
from pedigree.contract import paths
from pedigree.errors import NotPermittedError
from pedigree.lifecycle.checks import CHECKS
from pedigree.lifecycle.records import RecordedVerdict, Verdict
from pedigree.registry import Registry
from pedigree.server.http.auth import requires
from pedigree.server.http.fair_use import Use
from pedigree.server.http.pages import Page
from pedigree.server.http.parameters import AfterKnownId, Limit, Name, Number
from pedigree.server.http.requests import ReadCall, WriteCall
from pedigree.server.http.resources import resource

router = resource("judging")


class WantedChecks(Record):
    """The registry's own checks to run."""

    check: Annotated[str, Field(max_length=255)] | None = Field(
        default=None,
        description="Only this check; all that the model's policy requires when null",
        json_schema_extra={"enum": [*CHECKS, None]},
    )
    every_rule: StrictBool = Field(
        default=False, description="Run it with each of the policy's settings for it"
    )
    card: StrictBool = Field(default=True, description="Also write the model card after all checks")


class Verdicts(Record):
    """The verdicts of the checks that ran."""

    verdicts: tuple[RecordedVerdict, ...]


@router.post(paths.CHECKS, responses={200: {"model": Verdicts}})
@requires(Permission.JUDGE, use=Use.CHECKS)
def run_checks(call: WriteCall, name: Name, version: Number, wanted: WantedChecks) -> Response:
    """Run the registry's own checks on a version, and store their verdicts."""
    reference = f"{name}/{version}"

    def work(registry: Registry) -> Verdicts:
        if wanted.check and wanted.every_rule:
            return Verdicts(verdicts=registry.rerun_check(reference, wanted.check))
        if wanted.check:
            return Verdicts(verdicts=(registry.run_check(reference, wanted.check),))
        if wanted.card:
            return Verdicts(verdicts=registry.judge(reference))
        return Verdicts(verdicts=registry.run_checks(reference))

    return call.repeat(work)


@router.post(
    paths.VERDICTS,
    tags=["monitoring"],
    status_code=201,
    responses={201: {"model": RecordedVerdict}},
)
@requires(Permission.JUDGE)
def record_verdict(call: WriteCall, name: Name, version: Number, found: Verdict) -> Response:
    """Record the verdict of a check that runs elsewhere, such as in CI.

    The service runs the registry's own checks: POST …/checks.
    """
    if found.check in CHECKS:
        raise NotPermittedError(
            "the service runs this check itself, and accepts no verdict from outside",
            field="check",
            value=found.check,
            remedy="Run it with POST …/checks",
        )
    return call.write(
        lambda registry: registry.record_verdict(f"{name}/{version}", found), status=201
    )


@router.get(paths.VERDICTS, tags=["stages"], responses={200: {"model": Page[RecordedVerdict]}})
@requires(Permission.READ)
def list_verdicts(
    call: ReadCall, name: Name, version: Number, limit: Limit = 100, after: AfterKnownId = None
) -> Response:
    """List the newest verdict of each check on a version, by the check's name."""
    found = call.registry.verdicts(f"{name}/{version}", limit=limit + 1, after=after)
    return call.page(found, limit, lambda verdict: verdict.verdict_id)
