"""The outcome of unsuccessful promotion runs: failed attempts, or runs that were lost.

A run counts as an attempt if its step ran and failed because of its own work, or if somebody
canceled it. Infrastructure failures do not count: the code server was unavailable, the run was
never dequeued or started, its worker was lost, or a part of the registry did not answer. The
promotion is then requested again, after a growing pause.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import dagster as dg
from dagster._core.errors import (
    DagsterCodeLocationLoadError,
    DagsterExecutionInterruptedError,
    DagsterUserCodeUnreachableError,
)
from dagster._core.executor.child_process_executor import ChildProcessCrashException

from pedigree.errors import UnavailableError

_LOST_BEFORE_PAUSE = 3
_FIRST_PAUSE = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(hours=1)
_DOUBLINGS = 6


class PromotionAttempt(NamedTuple):
    """A run whose promotion failed, with the reason."""

    run_id: str
    problem: str


class PromotionAttempts(NamedTuple):
    """The runs that ended without the promotion: failed attempts and lost runs."""

    failed: tuple[PromotionAttempt, ...]
    lost: int
    lost_last: datetime | None

    def next_at(self) -> datetime | None:
        """Return when to request the promotion again after lost runs; None means immediately."""
        pause = pause_after(self.lost)
        return self.lost_last + pause if self.lost_last and pause else None


def attempts_of(instance: dg.DagsterInstance, records: Iterable[dg.RunRecord]) -> PromotionAttempts:
    """Return the outcome of the runs that ended without success, oldest first."""
    ended = sorted(
        (record for record in records if _is_unsuccessful(record.dagster_run)),
        key=lambda record: record.create_timestamp,
    )
    found = [(record, _problem(instance, record.dagster_run)) for record in ended]
    lost = [record for record, problem in found if problem is None]
    return PromotionAttempts(
        failed=tuple(
            PromotionAttempt(record.dagster_run.run_id, problem)
            for record, problem in found
            if problem
        ),
        lost=len(lost),
        lost_last=_ended_at(lost[-1]) if lost else None,
    )


def pause_after(lost: int) -> timedelta:
    """Return the pause after a number of lost runs: none at first, then exponential backoff.

    >>> [str(pause_after(lost)) for lost in (2, 3, 4, 99)]
    ['0:00:00', '0:01:00', '0:02:00', '1:00:00']
    """
    if lost < _LOST_BEFORE_PAUSE:
        return timedelta()
    doubled = _FIRST_PAUSE * (1 << min(lost - _LOST_BEFORE_PAUSE, _DOUBLINGS))
    return min(doubled, _LONGEST_PAUSE)


def _is_unsuccessful(run: dg.DagsterRun) -> bool:
    return run.is_finished and not run.is_success


def _ended_at(record: dg.RunRecord) -> datetime:
    if record.end_time is not None:
        return datetime.fromtimestamp(record.end_time, UTC)
    return record.update_timestamp.replace(tzinfo=record.update_timestamp.tzinfo or UTC)


def _problem(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str | None:
    """Return why an attempt failed; None if the run was lost."""
    if run.status is dg.DagsterRunStatus.CANCELED:
        return "it was canceled"
    failures = instance.get_records_for_run(
        run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE
    ).records
    for record in failures:
        event = record.event_log_entry.dagster_event
        chain = list(_chain(event.step_failure_data.error)) if event else []
        if chain and not any(error.cls_name in _INFRASTRUCTURE_ERRORS for error in chain):
            return _message(chain)
    return None


def _chain(error: Any) -> Iterator[Any]:
    while error is not None:
        yield error
        error = error.cause


def _message(chain: Sequence[Any]) -> str:
    """Return the message of the error that a step's own code raised."""
    return str(chain[-1].message).strip()


def _names_of(error_class: type[BaseException]) -> Iterator[str]:
    yield error_class.__name__
    for subclass in error_class.__subclasses__():
        yield from _names_of(subclass)


# The log stores an error as text, so only the name of its class is known.
_INFRASTRUCTURE_ERRORS = frozenset(
    {
        *_names_of(UnavailableError),
        *(
            error_class.__name__
            for error_class in (
                ChildProcessCrashException,
                DagsterCodeLocationLoadError,
                DagsterExecutionInterruptedError,
                DagsterUserCodeUnreachableError,
            )
        ),
    }
)
