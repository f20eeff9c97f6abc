"""What became of the runs that should have promoted a version: tried in vain, or never tried.

A run counts as an attempt when its step was tried and failed by what it did, or when somebody
canceled it. What failed around it (the code server was away, the run was never dequeued or started,
its worker was lost, a part of the registry did not answer) says nothing of the promotion: it is
asked for again, after a pause that grows.
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

_LOST_AT_ONCE = 3
_FIRST_PAUSE = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(hours=1)
_DOUBLINGS = 6


class PromotionAttempt(NamedTuple):
    """A run whose promotion was tried and failed, and why."""

    run_id: str
    problem: str


class PromotionAttempts(NamedTuple):
    """The runs that ended without the promotion: attempts, and those that were lost."""

    failed: tuple[PromotionAttempt, ...]
    lost: int
    lost_last: datetime | None

    def next_at(self) -> datetime | None:
        """Return when to ask again after runs that were lost; None: at once."""
        pause = pause_after(self.lost)
        return self.lost_last + pause if self.lost_last and pause else None


def attempts_of(instance: dg.DagsterInstance, records: Iterable[dg.RunRecord]) -> PromotionAttempts:
    """Return what became of runs that have ended without success, the oldest first."""
    ended = sorted(
        (each for each in records if _is_in_vain(each.dagster_run)),
        key=lambda each: each.create_timestamp,
    )
    found = [(each, _problem(instance, each.dagster_run)) for each in ended]
    lost = [each for each, problem in found if problem is None]
    return PromotionAttempts(
        failed=tuple(
            PromotionAttempt(each.dagster_run.run_id, problem) for each, problem in found if problem
        ),
        lost=len(lost),
        lost_last=_ended_at(lost[-1]) if lost else None,
    )


def pause_after(lost: int) -> timedelta:
    """Return how long to wait after so many runs were lost: not at first, then ever longer.

    >>> [str(pause_after(lost)) for lost in (2, 3, 4, 99)]
    ['0:00:00', '0:01:00', '0:02:00', '1:00:00']
    """
    if lost < _LOST_AT_ONCE:
        return timedelta()
    doubled = _FIRST_PAUSE * (1 << min(lost - _LOST_AT_ONCE, _DOUBLINGS))
    return min(doubled, _LONGEST_PAUSE)


def _is_in_vain(run: dg.DagsterRun) -> bool:
    return run.is_finished and not run.is_success


def _ended_at(record: dg.RunRecord) -> datetime:
    if record.end_time is not None:
        return datetime.fromtimestamp(record.end_time, UTC)
    return record.update_timestamp.replace(tzinfo=record.update_timestamp.tzinfo or UTC)


def _problem(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str | None:
    """Return why an attempt failed; None where the promotion was not tried."""
    if run.status is dg.DagsterRunStatus.CANCELED:
        return "it was canceled"
    failures = instance.get_records_for_run(
        run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE
    ).records
    for record in failures:
        event = record.event_log_entry.dagster_event
        chain = list(_chain(event.step_failure_data.error)) if event else []
        if chain and not any(error.cls_name in _AROUND for error in chain):
            return _said(chain)
    return None


def _chain(error: Any) -> Iterator[Any]:
    while error is not None:
        yield error
        error = error.cause


def _said(chain: Sequence[Any]) -> str:
    """Return the message of what a step's own code raised, without its class's module."""
    return str(chain[-1].message).strip()


def _names_of(kind: type[BaseException]) -> Iterator[str]:
    yield kind.__name__
    for each in kind.__subclasses__():
        yield from _names_of(each)


# An error in the log is no object any more: it is known by the name of its class.
_AROUND = frozenset(
    {
        *_names_of(UnavailableError),
        *(
            kind.__name__
            for kind in (
                ChildProcessCrashException,
                DagsterCodeLocationLoadError,
                DagsterExecutionInterruptedError,
                DagsterUserCodeUnreachableError,
            )
        ),
    }
)
