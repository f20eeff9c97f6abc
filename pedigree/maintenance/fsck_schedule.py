"""Check invariants side by side: their parts in one order, two at once."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from pedigree.failures.member_loop import MemberLoop, Probe
from pedigree.maintenance.fsck_parts import Part
from pedigree.maintenance.fsck_records import Checked, FsckProgress
from pedigree.maintenance.violations import Tally

# More queries at once need more memory and connections, and few servers have processors for them.
_AT_ONCE = 2


@dataclass(frozen=True)
class Invariant:
    """What must hold, and how it is checked."""

    name: str
    says: str
    parts: Sequence[Part]
    finish: Part | None = None
    """A last part, which needs the others."""


@dataclass
class _State:
    """How far the check of an invariant is."""

    invariant: Invariant
    left: int
    tally: Tally = field(default_factory=Tally)


class Schedule:
    """The checks of some invariants. A part that fails is a violation, and stops no other part.

    Args:
        invariants: The invariants; their parts begin in this order.
        is_outage: Whether a failure is that of something which all checks need.
        progress: Called at the beginning of each invariant, and after its parts; never by two
            threads at once.
    """

    def __init__(
        self, invariants: Sequence[Invariant], is_outage: Probe, progress: FsckProgress
    ) -> None:
        self._states = [_State(each, len(each.parts)) for each in invariants]
        self._is_outage = is_outage
        self._progress = progress
        self._guard = threading.RLock()
        self._waiting = self._tasks()

    def run(self) -> tuple[Checked, ...]:
        """Check all invariants, and return the results in their order.

        Raises:
            UnavailableError: Something that all checks need does not answer.
        """
        with ThreadPoolExecutor(_AT_ONCE, "pedigree-fsck") as pool:
            for worker in [pool.submit(self._work) for _ in range(_AT_ONCE)]:
                worker.result()
        return tuple(
            each.tally.checked(each.invariant.name, each.invariant.says) for each in self._states
        )

    def _tasks(self) -> Iterator[Callable[[], None]]:
        for state in self._states:
            self._progress(state.invariant.name, 0, None)
            for part in state.invariant.parts:
                yield partial(self._run, state, part)

    def _work(self) -> None:
        try:
            while (task := self._next()) is not None:
                task()
        except BaseException:
            with self._guard:
                self._waiting = iter(())  # so the other worker ends, too
            raise

    def _next(self) -> Callable[[], None] | None:
        with self._guard:
            return next(self._waiting, None)

    def _run(self, state: _State, part: Part) -> None:
        self._attempt(state, part)
        with self._guard:
            state.left -= 1
            is_last = state.left == 0
            done = len(state.invariant.parts) - state.left
            if len(state.invariant.parts) > 1:
                self._report(state, done, len(state.invariant.parts))
        if is_last and state.invariant.finish is not None:
            self._attempt(state, state.invariant.finish)

    def _attempt(self, state: _State, part: Part) -> None:
        name, loop = state.invariant.name, MemberLoop(None, "fsck", is_outage=self._is_outage)
        tally = loop.attempt(name, partial(part, partial(self._report, state))).value
        if tally is None:
            tally = Tally()
            tally.found(name, f"it cannot be checked: {loop.failed[-1].problem}")
        with self._guard:
            state.tally.add(tally)

    def _report(self, state: _State, done: int, expected: int | None) -> None:
        with self._guard:
            self._progress(state.invariant.name, done, expected)
