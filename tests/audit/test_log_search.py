"""Looking for events: a walk through all pages finds what a naive filter of the feed finds."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pedigree.access.grants import Effect, Grant
from pedigree.access.principal import Principal
from pedigree.audit import log_search
from pedigree.audit.event_types import EventType
from pedigree.audit.log_search import FREQUENT, EventFilter, LogSpan
from pedigree.audit.records import Actor, Event
from pedigree.errors import NotPermittedError
from pedigree.postgres.database import Database
from pedigree.registry import Registry, registry_in
from pedigree.settings import Settings
from tests.databases import Databases
from tests.factories import free_policy, register

ANN = Actor(name="ann@example.com", source="token")
BEN = Actor(name='ben "}\\ é', source="token")


@pytest.fixture(scope="module")
def filled(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """Three models, changed by three people; their events are mixed."""
    folder = tmp_path_factory.mktemp("filled")
    with databases.lend() as make:
        known = Settings(home=folder / "home", database_url=make(), actor="tester")
        with Registry.connect(settings=known) as registry:
            fill(registry, folder)
            yield registry


def fill(registry: Registry, folder: Path) -> None:
    people = [registry, registry.acting_as(ANN), registry.acting_as(BEN)]
    for number in range(9):
        by, name = people[number % 3], ("churn", "fraud", "hidden")[number // 3]
        if not number % 3:
            registry.create_model(name)
            registry.set_policy(name, free_policy())
        reference = register(registry, folder, f"{number}", name)
        by.promote(reference, ("candidate", "staging", "production")[number % 3], reason="tried")
        by.set_alias(name, "best", int(reference.rpartition("/")[2]))
        by.quarantine(f"raw/{number}", reason="bad rows")


def fits(event: Event, wanted: EventFilter) -> bool:
    return (
        wanted.model in (None, event.model)
        and wanted.event_type in (None, event.type)
        and event.type not in wanted.without
        and wanted.actor in (None, event.actor.name)
        and (wanted.since is None or event.at >= wanted.since)
        and (wanted.until is None or event.at < wanted.until)
    )


def walked(registry: Registry, wanted: EventFilter, limit: int = 4) -> list[Event]:
    """The events of all pages, one after the other."""
    found: list[Event] = []
    before: int | None = None
    while True:
        page = registry.operations.activity.recent_events(wanted, limit=limit, before=before)
        assert len(page.events) <= limit
        found += page.events
        if page.older is None:
            return found
        assert before is None or page.older < before
        before = page.older


QUESTIONS: dict[str, dict[str, Any]] = {
    "all": {},
    "a model": {"model": "churn"},
    "a model and a type": {"model": "fraud", "event_type": EventType.ALIAS_SET},
    "a frequent type": {"event_type": EventType.VERSION_CREATED},
    "a rare type": {"event_type": EventType.ASSET_QUARANTINED},
    "somebody": {"actor": ANN.name},
    "a name that JSON escapes": {"actor": BEN.name},
    "somebody's moves of a model": {
        "model": "churn",
        "actor": BEN.name,
        "event_type": EventType.VERSION_STAGE_CHANGED,
    },
    "without some types": {"without": (EventType.VERSION_CREATED, EventType.ALIAS_SET)},
    "nobody": {"actor": "somebody else"},
    "no such model": {"model": "unknown"},
}


@pytest.mark.parametrize("asked", QUESTIONS.values(), ids=QUESTIONS.keys())
@pytest.mark.parametrize("most_read", [3, log_search.MOST_READ])
def test_a_walk_through_all_pages_finds_what_fits_newest_first(
    filled: Registry, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], most_read: int
) -> None:
    bound_reads(monkeypatch, most_read)
    wanted = EventFilter(**asked)
    everything = filled.events(limit=10_000)
    assert walked(filled, wanted) == [e for e in reversed(everything) if fits(e, wanted)]


def bound_reads(monkeypatch: pytest.MonkeyPatch, most_read: int) -> None:
    bound = dict(log_search.newest.__kwdefaults__)
    monkeypatch.setattr(log_search.newest, "__kwdefaults__", {**bound, "most_read": most_read})


@pytest.mark.parametrize("most_read", [3, log_search.MOST_READ])
@pytest.mark.parametrize("model", [None, "fraud"])
@pytest.mark.parametrize("event_type", [None, EventType.ALIAS_SET])
def test_a_period_has_the_events_from_its_beginning_and_before_its_end(
    filled: Registry,
    monkeypatch: pytest.MonkeyPatch,
    most_read: int,
    model: str | None,
    event_type: EventType | None,
) -> None:
    bound_reads(monkeypatch, most_read)
    everything = filled.events(limit=10_000)
    times = [event.at for event in everything[:: len(everything) // 6]]
    for since in (None, *times):
        for until in (None, *times, times[-1] + timedelta(days=1)):
            wanted = EventFilter(model=model, event_type=event_type, since=since, until=until)
            expected = [e for e in reversed(everything) if fits(e, wanted)]
            assert walked(filled, wanted, limit=20) == expected


def test_the_place_of_a_time_is_that_of_the_first_event_from_then_on(filled: Registry) -> None:
    everything = filled.events(limit=10_000)
    moved = EventFilter(since=everything[10].at + log_search._LONGEST_TRANSACTION)
    span = log_search.span_of(filled.database, moved, None)
    same_time = [event.seq for event in everything if event.at >= everything[10].at]
    assert span.first == min(same_time)
    later = EventFilter(since=everything[-1].at + timedelta(days=1))
    assert log_search.span_of(filled.database, later, None).first == everything[-1].seq + 1


def test_a_page_that_ends_early_says_so(filled: Registry) -> None:
    def read(most_read: int) -> log_search.FoundEvents:
        return filled.database.read(
            lambda transaction: log_search.newest(
                transaction,
                EventFilter(actor="somebody else"),
                LogSpan(1, 2**62),
                limit=5,
                visible=None,
                most_read=most_read,
            )
        )

    newest = filled.events(limit=10_000)[-1].seq
    assert read(10) == ((), newest + 1 - 10, True)
    assert read(10_000) == ((), None, False)


def test_events_of_hidden_models_and_of_no_model_are_nowhere(filled: Registry) -> None:
    grants = (Grant(), Grant(effect=Effect.DENY, models=("hidden",)))
    limited = registry_in(filled.context.used_by(Principal(actor=ANN, grants=grants)))
    everything = filled.events(limit=10_000)
    seen = [e for e in reversed(everything) if e.model in ("churn", "fraud")]
    assert walked(limited, EventFilter()) == seen
    assert walked(limited, EventFilter(event_type=EventType.ASSET_QUARANTINED)) == []
    middle = everything[len(everything) // 2].at
    assert walked(limited, EventFilter(since=middle)) == [e for e in seen if e.at >= middle]
    with pytest.raises(NotPermittedError):
        limited.operations.activity.recent_events(EventFilter(model="hidden"))


def test_an_empty_log_has_no_events(database: Database, registry: Registry) -> None:
    page = registry.operations.activity.recent_events(EventFilter(actor="ann"))
    assert page == ((), None, False)
    assert log_search.span_of(database, EventFilter(), None).first == 1


def test_the_index_of_types_leaves_out_exactly_the_frequent_ones(database: Database) -> None:
    (row,) = database.fetch_all("SELECT indexdef FROM pg_indexes WHERE indexname = 'event_of_type'")
    assert {each for each in EventType if f"'{each.value}'" in row["indexdef"]} == FREQUENT


def test_a_rare_type_is_read_by_its_index(filled: Registry) -> None:
    query = log_search._SQL["newest_of_type"]
    values = {
        "type": EventType.ASSET_QUARANTINED.value,
        "behind": 2**62,
        "first": 1,
        "without": [],
        "visible": None,
        "since": None,
        "until": None,
        "actor": None,
        "most_read": 100,
        "limit": 10,
    }

    def plan(transaction: Any) -> str:
        transaction.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        return "\n".join(str(row) for row in transaction.execute(f"EXPLAIN {query}", values))

    assert "event_of_type" in filled.database.transaction(plan)
