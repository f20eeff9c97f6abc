"""The loop over members that all background work goes through.

::

    loop = MemberLoop(database, "mirror")
    for name in names:
        loop.attempt(name, lambda: show(name), model=name)
    print(loop.notes)

A member that fails is noted in the database, reported by one event, and tried again after a growing
pause. The other members go on.
"""

import hashlib
import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Generic, NamedTuple, TypeVar, cast

from pedigree._visible import in_one_line
from pedigree.errors import (
    DatabaseBusyError,
    DatabaseUnavailableError,
    EmbeddedPostgresError,
    PedigreeError,
    SchemaBehindError,
)
from pedigree.failures import store
from pedigree.failures.records import Failure
from pedigree.logs import without_secrets
from pedigree.postgres.database import Database
from pedigree.postgres.transaction import Row

_LOG = logging.getLogger(__name__)

T = TypeVar("T")
Item = TypeVar("Item")
Probe = Callable[[Exception], bool]
"""Returns whether an error means that something which all members need does not work."""

_LONGEST_MEMBER = 500
_LONGEST_PROBLEM = 1000
_MOST_NOTES = 10
_OUTAGES = (DatabaseUnavailableError, EmbeddedPostgresError, SchemaBehindError)


class MemberResult(NamedTuple, Generic[T]):
    """The result of one member's work; None if it failed or waits for its next attempt."""

    is_done: bool
    value: T | None = None


class FailedMember(NamedTuple):
    """A member whose work failed in this pass."""

    member: str
    problem: str


class MemberLoop:
    """One pass over the members of background work.

    Args:
        database: Where the failing members are stored. None stores nothing: for work that only
            reads and reports.
        work: The name of the work.
        is_outage: Returns whether a failure is that of a part which all members need. Then the
            error is raised, and nothing is noted.
        pauses: Whether a member that failed waits for its next attempt. Not for work that a person
            starts.
    """

    def __init__(
        self,
        database: Database | None,
        work: str,
        *,
        is_outage: Probe = lambda _: False,
        pauses: bool = True,
    ) -> None:
        self.work = work
        self.failed: list[FailedMember] = []
        self._pauses = pauses
        self._database = database
        self._is_outage = is_outage
        self._known: dict[str, tuple[Failure, bool]] | None = None

    @property
    def notes(self) -> list[str]:
        """What failed in this pass, and what failed before and is tried again."""
        failed = [f"{each.member} failed: {each.problem}" for each in self.failed]
        now = {each.member for each in self.failed}
        waiting = [
            f"{key} is tried again at {failure.next_at:%H:%M:%S}: {failure.problem}"
            for key, (failure, _) in sorted(self._failing().items())
            if key not in now
        ]
        notes = failed + waiting
        more = [f"{len(notes) - _MOST_NOTES} more"] if len(notes) > _MOST_NOTES else []
        return notes[:_MOST_NOTES] + more

    def attempt(
        self,
        member: str,
        work: Callable[[], T],
        *,
        model: str | None = None,
        has_changed: bool = False,
    ) -> MemberResult[T]:
        """Do the work of one member, unless it failed and waits for its next attempt.

        Args:
            member: What the work is about.
            work: The work; whatever it raises is the member's failure.
            model: The registered model that the member belongs to.
            has_changed: The member has changed since, so it is tried at once.

        Raises:
            UnavailableError: The database does not answer.
        """
        key = member_key(member)
        if not has_changed and self.waits(member):
            return MemberResult(is_done=False)
        known = self._failing().get(key)
        try:
            value = work()
        except Exception as error:
            if self._is_outage_of_all(error):
                raise
            self._log(key, error)
            self._note(key, describe(error), model)
            return MemberResult(is_done=False)
        if known is not None:
            self._end(key)
        return MemberResult(is_done=True, value=value)

    def attempt_batch(
        self,
        items: Iterable[Item],
        work: Callable[[Sequence[Item]], T],
        *,
        name: Callable[[Item], str],
        model: Callable[[Item], str | None] = lambda _: None,
        has_changed: bool = False,
    ) -> list[T]:
        """Do the work of many members at once; if that fails, that of each one alone.

        Args:
            items: The members.
            work: The work of some members. It must do nothing, or be repeatable, if it fails.
            name: Returns what a member is called.
            model: Returns the registered model that a member belongs to.
            has_changed: The members have changed since they failed, so they are tried at once.

        Returns:
            The results: one for all members, or one for each that succeeded alone.

        Raises:
            UnavailableError: The database does not answer.
        """
        ready = [item for item in items if has_changed or not self.waits(name(item))]
        if len(ready) > 1:
            try:
                together = work(ready)
            except Exception as error:
                if self._is_outage_of_all(error):
                    raise
            else:
                for item in ready:
                    self.recover(name(item))
                return [together]
        alone = [
            self.attempt(
                name(item), partial(work, [item]), model=model(item), has_changed=has_changed
            )
            for item in ready
        ]
        return [cast("T", result.value) for result in alone if result.is_done]

    @property
    def failing(self) -> frozenset[str]:
        """The keys of the members that failed at their last attempt."""
        return frozenset(self._failing())

    def waits(self, member: str) -> bool:
        """Return whether a member failed and waits for its next attempt."""
        known, is_due = self._failing().get(member_key(member), (None, True))
        return self._pauses and known is not None and not is_due

    def fail(self, member: str, problem: str, *, model: str | None = None) -> None:
        """Note the failure of a member whose work was not done by :meth:`attempt`."""
        self._note(member_key(member), printable(problem), model)

    def recover(self, member: str) -> None:
        """Note that a member is handled, or that the work no longer has it."""
        key = member_key(member)
        if key in self._failing():
            self._end(key)

    def _is_outage_of_all(self, error: Exception) -> bool:
        return _is_database_outage(error) or self._is_outage(error)

    def _failing(self) -> dict[str, tuple[Failure, bool]]:
        if self._known is None:
            self._known = {}
            for row in self._read():
                is_due, is_gone = row.pop("is_due"), row.pop("is_gone")
                self._known[row["member"]] = (Failure(**row), is_due)
                if is_gone:
                    self._end(row["member"])
        return self._known

    def _read(self) -> list[Row]:
        if self._database is None:
            return []
        return self._database.read(partial(store.failures_of_work, work=self.work))

    def _note(self, key: str, problem: str, model: str | None) -> None:
        self.failed.append(FailedMember(key, problem))
        if self._database is None:
            return
        known, _ = self._failing().get(key, (None, True))
        before = known.attempts if known else 0
        failure = self._database.transaction(
            lambda transaction: store.note_failure(
                transaction, self.work, key, problem, model=model, before=before
            )
        )
        self._failing()[key] = (failure, False)

    def _end(self, key: str) -> None:
        if self._database is not None:
            self._database.transaction(partial(store.end_failure, work=self.work, member=key))
        self._failing().pop(key, None)

    def _log(self, key: str, error: Exception) -> None:
        expected = isinstance(error, PedigreeError)
        _LOG.warning(
            "%s: %s failed: %s",
            self.work,
            key,
            describe(error),
            exc_info=None if expected else error,
            extra={"action": "member.failed", "work": self.work, "member": key},
        )


def describe(error: Exception) -> str:
    """Return the text of an error, which the database can store and a terminal can show.

    An error of other code may have a URL with a password in its message.
    """
    try:
        message = without_secrets(str(error))
    except Exception:
        message = "its message cannot be read"
    kind = "" if isinstance(error, PedigreeError) else f"{type(error).__name__}: "
    return printable(f"{kind}{message}")


def member_key(member: str) -> str:
    r"""Return the text under which the failures of a member are stored; each has another one.

    >>> member_key("home/2"), member_key("home/2\x00")
    ('home/2', 'home/2\\x00~911aec8a')
    """
    shown = printable(member, _LONGEST_MEMBER)
    if shown == member:
        return shown
    digest = hashlib.sha256(member.encode(errors="surrogatepass")).hexdigest()
    return f"{shown}~{digest[:8]}"


def printable(text: str, limit: int = _LONGEST_PROBLEM) -> str:
    r"""Return a text without control characters and lone surrogates, and not too long.

    >>> printable("home/2\x00\ud800")
    'home/2\\x00\\ud800'
    """
    shown = in_one_line(text)
    return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"


def _is_database_outage(error: Exception) -> bool:
    # A lock that another client holds concerns one member only.
    return isinstance(error, _OUTAGES) and not isinstance(error, DatabaseBusyError)
