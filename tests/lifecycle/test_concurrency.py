"""Concurrent people and sensors: nothing enters production without its approvals."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from pathlib import Path
from threading import Barrier

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor, Event
from pedigree.errors import NotFoundError, RefusedError
from pedigree.maintenance.fsck_replay import check_replay
from pedigree.registry import Registry
from tests.lifecycle.deciding import ANN, BEN, EVE, candidate, policy_of
from tests.marking import few_or_many

VERSIONS = 3
PEOPLE = (ANN, BEN, EVE)
versions = st.integers(min_value=1, max_value=VERSIONS)
people = st.sampled_from(PEOPLE)
step = st.one_of(
    st.tuples(st.just("approve"), versions, people),
    st.tuples(st.just("approve"), versions, people),
    st.tuples(st.just("reject"), versions, people),
    st.tuples(st.just("promote"), versions, st.none()),
    st.tuples(st.just("promote"), versions, st.none()),
    st.tuples(st.just("rollback"), versions, st.none()),
    st.tuples(st.just("alias"), versions, st.none()),
)
Step = tuple[str, int, Actor | None]


def take(registry: Registry, name: str, step: Step) -> None:
    verb, version, actor = step
    reference = f"{name}/{version}"
    match verb:
        case "approve":
            registry.approve(reference, "production", comment="yes", actor=actor)
        case "reject":
            registry.reject(reference, "production", comment="no", actor=actor)
        case "promote":
            registry.promote(reference, "production", reason="promote")
        case "rollback":
            registry.rollback(name, reason="rollback")
        case "alias":
            registry.set_alias(name, "best", version)


def at_once(tasks: list[Callable[[], object]]) -> list[bool]:
    """Run tasks in threads that start together, and say which were not refused."""
    barrier = Barrier(len(tasks))

    def run(task: Callable[[], object]) -> bool:
        barrier.wait()
        return is_done(task)

    with ThreadPoolExecutor(len(tasks)) as threads:
        return list(threads.map(run, tasks))


def is_done(task: Callable[[], object]) -> bool:
    """Try something, and say whether the rules allowed it."""
    try:
        task()
    except (RefusedError, NotFoundError):
        return False
    return True


def unapproved(events: list[Event], needed: int) -> list[Event]:
    """The promotions without the required approvals at their time, according to the feed."""
    approvals: dict[int, set[str]] = {}
    found = []
    for event in events:
        version = event.version or 0
        if event.type is EventType.VERSION_APPROVED:
            approvals.setdefault(version, set()).add(event.actor.name)
        elif event.type is EventType.VERSION_REJECTED:
            approvals.pop(version, None)
        elif event.type is EventType.VERSION_STAGE_CHANGED:
            promoted = event.body["to"] == "production" and event.body["reason"] == "promote"
            if promoted and len(approvals.get(version, ())) < needed:
                found.append(event)
            # the old holder is archived by the same move, whose event comes first
            if event.body["to"] != "archived":
                approvals.clear()
        elif event.type is EventType.ALIAS_SET:
            approvals.clear()
    return found


@few_or_many(5, 12)
def test_no_interleaving_promotes_what_was_not_approved(
    registry: Registry, tmp_path: Path, examples: int
) -> None:
    numbers = count()

    @settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(st.lists(st.lists(step, min_size=2, max_size=7), min_size=3, max_size=3))
    def check(scripts: list[list[Step]]) -> None:
        name = f"churn-{next(numbers)}"
        registry.set_policy(name, policy_of(approvals={"needed": 2}, automatic=False))
        for number in range(VERSIONS):
            candidate(registry, tmp_path / name, f"v{number}", name=name)

        def follow(script: list[Step]) -> Callable[[], object]:
            def run() -> None:
                for taken in script:
                    is_done(partial(take, registry, name, taken))

            return run

        at_once([follow(script) for script in scripts])
        events = [event for event in registry.events(limit=100_000) if event.model == name]
        assert unapproved(events, needed=2) == []
        assert len(registry.model(name).stages.get("production", ())) <= 1

    check()
    assert check_replay(registry.database).examples == []


def test_of_two_promotions_at_once_one_is_made(registry: Registry, tmp_path: Path) -> None:
    for attempt in range(5):
        name = f"churn-{attempt}"
        registry.set_policy(name, policy_of(approvals={}))
        both = [candidate(registry, tmp_path / name, each, name=name) for each in "ab"]
        for reference in both:
            registry.approve(reference, "production", comment="yes", actor=ANN)

        promotions = [partial(registry.promote, reference, "production") for reference in both]
        assert sorted(at_once(promotions)) == [False, True]
        assert len(registry.model(name).stages["production"]) == 1
        changes = registry.events(limit=10_000, types=[EventType.VERSION_STAGE_CHANGED])
        moves = [each for each in changes if each.model == name and each.body["to"] == "production"]
        assert len(moves) == 1
