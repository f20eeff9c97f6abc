"""What the page of a version shows beside its verdict: figures, freshness, security, history."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Literal, NamedTuple, TypeAlias

from pedigree.lifecycle.checks.artifact_scan import ARTIFACT_SCAN
from pedigree.lifecycle.records import RecordedVerdict, Severity
from pedigree.lineage.staleness import Staleness
from pedigree.registry.version_page_records import VersionPage
from pedigree.server.web.words import plural

CheckState: TypeAlias = Literal["passed", "warns", "failed"]

_ORDER: dict[CheckState, int] = {"failed": 0, "warns": 1, "passed": 2}


class CheckView(NamedTuple):
    """The newest verdict of a check.

    Attributes:
        verdict: The verdict.
        state: ``passed``, ``warns`` or ``failed``.
    """

    verdict: RecordedVerdict
    state: CheckState


class HistoryRow(NamedTuple):
    """Something that happened to a version.

    Attributes:
        at: When.
        what: What, as a clause.
        who: The person or the process.
        why: Their reason; None without one.
        is_override: Gates were not waited for.
    """

    at: datetime
    what: str
    who: str
    why: str | None
    is_override: bool = False


def state_of(verdict: RecordedVerdict) -> CheckState:
    """Return how a verdict counts."""
    if verdict.passed:
        return "passed"
    return "warns" if verdict.severity is Severity.WARN else "failed"


def check_views(verdicts: Sequence[RecordedVerdict]) -> tuple[CheckView, ...]:
    """Return the newest verdicts: failed ones first, then warnings, then by name."""
    views = (CheckView(each, state_of(each)) for each in verdicts)
    return tuple(sorted(views, key=lambda view: (_ORDER[view.state], view.verdict.check)))


def scan_of(verdicts: Sequence[RecordedVerdict]) -> RecordedVerdict | None:
    """Return the newest verdict of the scan for code; None if it never ran."""
    return next((each for each in verdicts if each.check == ARTIFACT_SCAN), None)


def freshness(staleness: Staleness | None) -> str:
    """Return in a few words how far the data and the code have moved on."""
    if staleness is None or not staleness.known:
        return "not known"
    behind = [
        plural(count, f"{kind} version")
        for kind, count in (("data", staleness.data_behind), ("code", staleness.code_behind))
        if count
    ]
    if staleness.stale:
        return f"{' and '.join(behind)} behind" if behind else "changed"
    if staleness.stale is None:
        return f"perhaps {' and '.join(behind)} behind" if behind else "not certain"
    return "newest"


def history_rows(page: VersionPage) -> tuple[HistoryRow, ...]:
    """Return what happened to a version, the newest first."""
    return tuple(sorted(_happened(page), key=lambda row: row.at, reverse=True))


def _happened(page: VersionPage) -> Iterator[HistoryRow]:
    version = page.version
    yield HistoryRow(version.created_at, "was registered", version.created_by, None)
    for training in page.trainings[1:]:
        yield HistoryRow(training.created_at, "was trained again", training.created_by, None)
    for decision in page.decisions:
        word = "approved" if decision.approved else "rejected"
        what = f"was {word} for {decision.to_stage}"
        yield HistoryRow(decision.at, what, decision.decided_by, decision.comment)
    for tenure in page.tenures:
        kind, _, name = tenure.pointer.partition(":")
        what = f"entered {name}" if kind == "stage" else f"became @{name}"
        if tenure.overridden:
            what += " by an override"
        yield HistoryRow(tenure.since, what, tenure.moved_by, tenure.reason, tenure.overridden)
    for request in (each for way in page.approaches for each in way.requests):
        what = f"was asked to enter {request.stage}"
        yield HistoryRow(request.at, what, request.requested_by, request.reason)
