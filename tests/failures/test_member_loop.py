"""Every loop over members of background work: one that fails is noted, and the others go on."""

import unicodedata
from collections.abc import Callable, Sequence
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedigree.artifacts.objects import ObjectStore
from pedigree.audit.event_types import EventType
from pedigree.errors import (
    DatabaseBusyError,
    DatabaseUnavailableError,
    ObjectArchivedError,
    StoreUnavailableError,
)
from pedigree.failures.member_loop import MemberLoop, member_key, printable
from pedigree.failures.outages import store_probe
from pedigree.failures.records import Failure, pause_after
from pedigree.failures.store import failures
from pedigree.registry import Registry
from tests.factories import make_failures_due, register

KINDS = [EventType.MEMBER_FAILED, EventType.MEMBER_RECOVERED]


def raising(error: Exception) -> Callable[[], NoReturn]:
    def work() -> NoReturn:
        raise error

    return work


def noted(registry: Registry) -> tuple[Failure, ...]:
    return registry.database.read(lambda transaction: failures(transaction, limit=100))


def reported(registry: Registry) -> list[tuple[str, str | None, object]]:
    events = registry.events(types=KINDS)
    return [(event.type.value, event.model, event.body["member"]) for event in events]


def test_one_that_fails_is_noted_and_the_others_go_on(registry: Registry) -> None:
    loop = MemberLoop(registry.database, "test")
    done = []
    for name in ("a", "bad", "c"):
        work = raising(KeyError("generation")) if name == "bad" else lambda name=name: name
        done.append(loop.attempt(name, work, model=name).value)
    assert done == ["a", None, "c"]
    (failure,) = noted(registry)
    assert (failure.member, failure.model, failure.attempts) == ("bad", "bad", 1)
    assert failure.problem == "KeyError: 'generation'"
    assert loop.notes == ["bad failed: KeyError: 'generation'"]


def test_it_is_reported_once_and_its_recovery_once(registry: Registry) -> None:
    for _ in range(3):
        MemberLoop(registry.database, "test").attempt("bad", raising(ValueError("x")))
        make_failures_due(registry)
    assert noted(registry)[0].attempts == 3
    assert reported(registry) == [("member.failed", None, "bad")]
    for _ in range(2):
        MemberLoop(registry.database, "test").attempt("bad", lambda: None)
    assert noted(registry) == ()
    assert reported(registry)[1:] == [("member.recovered", None, "bad")]


def test_it_is_tried_again_when_its_pause_is_over_or_it_has_changed(registry: Registry) -> None:
    MemberLoop(registry.database, "test").attempt("bad", raising(ValueError("x")))
    loop = MemberLoop(registry.database, "test")
    assert not loop.attempt("bad", raising(AssertionError("too early"))).is_done
    assert "bad is tried again at" in loop.notes[0]
    loop = MemberLoop(registry.database, "test")
    assert not loop.attempt("bad", raising(ValueError("y")), has_changed=True).is_done
    assert noted(registry)[0].problem == "ValueError: y"
    make_failures_due(registry)
    assert MemberLoop(registry.database, "test").attempt("bad", lambda: 1).value == 1


def test_each_kind_of_work_has_its_own_members(registry: Registry) -> None:
    MemberLoop(registry.database, "one").attempt("bad", raising(ValueError("x")))
    assert MemberLoop(registry.database, "two").attempt("bad", lambda: 1).value == 1
    assert [failure.work for failure in noted(registry)] == ["one"]


def test_an_outage_of_the_database_is_raised_and_a_held_lock_is_of_one_member(
    registry: Registry,
) -> None:
    loop = MemberLoop(registry.database, "test")
    with pytest.raises(DatabaseUnavailableError):
        loop.attempt("a", raising(DatabaseUnavailableError("it is away")))
    assert not loop.attempt("b", raising(DatabaseBusyError("locked"))).is_done
    assert [failure.member for failure in noted(registry)] == ["b"]


def test_an_outage_of_the_store_is_raised_and_a_lost_object_is_of_one_member(
    registry: Registry, tmp_path: object
) -> None:
    register(registry, tmp_path)  # type: ignore[arg-type]  # a path
    loop = MemberLoop(
        registry.database, "t", is_outage=store_probe(registry.database, registry.store)
    )
    for error in (StoreUnavailableError("no answer"), ObjectArchivedError("in the archive")):
        assert not loop.attempt(type(error).__name__, raising(error)).is_done

    class Away(type(registry.store)):  # type: ignore[misc]  # the class of this store
        def size(self, key: str) -> int | None:
            raise StoreUnavailableError("the whole store is away")

    away: ObjectStore = Away.__new__(Away)
    loop = MemberLoop(registry.database, "t", is_outage=store_probe(registry.database, away))
    with pytest.raises(StoreUnavailableError):
        loop.attempt("c", raising(StoreUnavailableError("no answer")))


def test_a_batch_that_fails_is_done_one_by_one(registry: Registry) -> None:
    done: list[Sequence[str]] = []

    def work(some: Sequence[str]) -> int:
        if "bad" in some:
            raise ValueError("poison")
        done.append(some)
        return len(some)

    loop = MemberLoop(registry.database, "test")
    assert loop.attempt_batch(["a", "bad", "c"], work, name=str) == [1, 1]
    assert [failure.member for failure in noted(registry)] == ["bad"]
    # while it waits, the others are a batch again
    loop = MemberLoop(registry.database, "test")
    assert loop.attempt_batch(["a", "bad", "c"], work, name=str) == [2]
    make_failures_due(registry)
    loop = MemberLoop(registry.database, "test")
    assert loop.attempt_batch(["a", "bad", "c"], len, name=str) == [3]
    assert noted(registry) == ()


def test_a_member_that_the_work_no_longer_has_is_forgotten(registry: Registry) -> None:
    MemberLoop(registry.database, "test").attempt("gone", raising(ValueError("x")))
    registry.database.transaction(
        lambda transaction: transaction.execute(
            "UPDATE pedigree.failure SET next_at = clock_timestamp() - interval '2 days'"
        )
    )
    MemberLoop(registry.database, "test").attempt("other", lambda: None)
    assert noted(registry) == ()
    assert reported(registry)[-1] == ("member.recovered", None, "gone")


def test_work_that_a_person_starts_does_not_wait(registry: Registry) -> None:
    for _ in range(2):
        loop = MemberLoop(registry.database, "test", pauses=False)
        loop.attempt("bad", raising(ValueError("x")))
    assert noted(registry)[0].attempts == 2


def test_any_name_and_any_message_can_be_noted(registry: Registry) -> None:
    for text in ("home/2\x00", "\ud800 alone", "é" * 5000, "\x1b[31m", ""):
        loop = MemberLoop(registry.database, "test")
        assert not loop.attempt(text, raising(ValueError(text))).is_done
    assert len(noted(registry)) == 5


class WordlessError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def test_an_error_is_described_without_secrets_whatever_its_message_does(
    registry: Registry,
) -> None:
    loop = MemberLoop(registry.database, "test")
    loop.attempt("a", raising(OSError("no route to https://ann:hidden@host/x?token=hidden")))
    loop.attempt("b", raising(WordlessError()))
    a, b = noted(registry)
    assert a.problem == "OSError: no route to https://ann:***@host/x?token=***"
    assert b.problem == "WordlessError: its message cannot be read"


@given(st.text())
def test_a_printable_text_has_no_control_character_and_stays_as_it_is(text: str) -> None:
    shown = printable(text)
    assert not any(unicodedata.category(char) == "Cc" for char in shown)
    assert printable(shown) == shown
    shown.encode()


@given(st.text(), st.text(), st.sampled_from(["", "x" * 600]))
def test_different_members_have_different_keys(one: str, other: str, before: str) -> None:
    keys = {member_key(before + one), member_key(before + other), member_key(before + repr(one))}
    assert len(keys) == len({one, other, repr(one)})


@given(st.integers(min_value=1, max_value=10_000))
def test_pauses_grow_and_have_a_limit(attempts: int) -> None:
    assert pause_after(attempts) <= pause_after(attempts + 1) <= pause_after(99)
