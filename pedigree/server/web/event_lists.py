"""Lists of events by who, what and when: how a URL asks for one, and what a page shows of it."""

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple, Self

from starlette.datastructures import QueryParams

from pedigree.audit.event_types import EventType
from pedigree.audit.log_search import EventFilter
from pedigree.audit.records import Event
from pedigree.errors import InvalidInputError
from pedigree.server.web.event_words import Said, said
from pedigree.server.web.keys import key_before
from pedigree.server.web.visits import Visit

MODEL, KIND, WHO, FROM, TO, LAST, BEFORE = "model", "type", "who", "from", "to", "last", "before"
_FIELDS = (MODEL, KIND, WHO, FROM, TO, LAST)
_LENGTHS = {
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
_PERIODS = {
    "1h": "Last hour",
    "24h": "Last 24 hours",
    "7d": "Last 7 days",
    "30d": "Last 30 days",
}
_AT_ONCE = 50
_MOST_CHARACTERS = 256


class ListedEvent(NamedTuple):
    """An event, with what it says."""

    event: Event
    said: Said


class Period(NamedTuple):
    """A period that a list offers."""

    title: str
    query: dict[str, str | None]
    is_chosen: bool


class EventQuestion(NamedTuple):
    """What a list of events is asked for.

    Attributes:
        typed: What the URL says of each field; empty where it says nothing.
        wanted: Which events.
        before: Where the page begins; None for the first one.
    """

    typed: Mapping[str, str]
    wanted: EventFilter
    before: int | None

    @classmethod
    def of(cls, query: QueryParams, now: datetime, *, model: str | None = None) -> Self:
        """Return the question of a URL.

        Args:
            query: The query of the URL.
            now: The time from which a period counts back.
            model: The model of a page that shows only its events.

        Raises:
            InvalidInputError: A field cannot be read.
        """
        typed = typed_in(query)
        for name, text in typed.items():
            if len(text) > _MOST_CHARACTERS:
                raise InvalidInputError(
                    f"has {len(text):,} characters",
                    field=name,
                    value=text,
                    remedy=f"Give at most {_MOST_CHARACTERS}",
                )
        since, until = _period(typed, now)
        wanted = EventFilter(
            model=model or typed[MODEL] or None,
            event_type=_kind(typed[KIND]),
            actor=typed[WHO] or None,
            since=since,
            until=until,
        )
        return cls(typed, wanted, key_before(query, BEFORE))

    def query(self, **changes: str | None) -> dict[str, str | None]:
        """Return the query of the URL that asks the same from the first page on, with changes."""
        return {**{name: text or None for name, text in self.typed.items()}, **changes}

    @property
    def is_plain(self) -> bool:
        """Whether it asks for all events."""
        return not any(self.typed.values())

    @property
    def periods(self) -> tuple[Period, ...]:
        """The periods that can be chosen, and the one without an end."""
        chosen = self.typed[LAST]
        dated = {FROM: None, TO: None}
        return (
            *(
                Period(title, self.query(**dated, **{LAST: word}), word == chosen)
                for word, title in _PERIODS.items()
            ),
            Period(
                "Any time",
                self.query(**dated, **{LAST: None}),
                not (chosen or self.typed[FROM] or self.typed[TO]),
            ),
        )


class EventList(NamedTuple):
    """A page of events.

    Attributes:
        asked: What was asked for.
        rows: The events, the newest first.
        older: The query of the next page; None if there are no older events.
        is_short: It ends early, since many events were read of which few fit.
        is_first: It is the first page.
    """

    asked: EventQuestion
    rows: tuple[ListedEvent, ...]
    older: dict[str, str | None] | None
    is_short: bool
    is_first: bool


def typed_in(query: QueryParams) -> dict[str, str]:
    """Return what a URL says of each field."""
    return {name: query.get(name, "").strip() for name in _FIELDS}


def event_list(
    visit: Visit, asked: EventQuestion, *, without: Collection[EventType] = ()
) -> EventList:
    """Read a page of events.

    Args:
        visit: The visit.
        asked: What is asked for.
        without: Types that are left out, unless one of them is asked for.
    """
    wanted = asked.wanted._replace(without=() if asked.wanted.event_type else without)
    found = visit.registry.operations.activity.recent_events(
        wanted, limit=_AT_ONCE, before=asked.before
    )
    return EventList(
        asked,
        tuple(ListedEvent(each, said(each)) for each in found.events),
        None if found.older is None else asked.query(**{BEFORE: str(found.older)}),
        found.is_short,
        asked.before is None,
    )


def moment_in(name: str, given: str, *, is_end: bool = False) -> datetime:
    """Return the time that somebody wrote: a day in UTC, or a time with its offset.

    Args:
        name: The field.
        given: What they wrote.
        is_end: It is the end of a period, which has the whole day.

    Raises:
        InvalidInputError: It is neither.
    """
    try:
        day = date.fromisoformat(given)
        at = datetime(day.year, day.month, day.day, tzinfo=UTC)
        return at + timedelta(days=1) if is_end else at
    except OverflowError:
        raise _unreadable(name, given, "is later than any time of a log") from None
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(given)
        if moment.tzinfo is None:
            raise _unreadable(name, given, "has no time zone")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise _unreadable(name, given, "is not a time") from None


def _unreadable(name: str, given: str, problem: str) -> InvalidInputError:
    return InvalidInputError(
        problem,
        field=name,
        value=given,
        remedy="Write a day, such as 2026-11-01, or a time with its offset, such as"
        " 2026-11-01T12:00Z",
    )


def _period(typed: Mapping[str, str], now: datetime) -> tuple[datetime | None, datetime | None]:
    if last := typed[LAST]:
        if last not in _LENGTHS:
            raise InvalidInputError(
                "is not a period of this list",
                field=LAST,
                value=last,
                remedy=f"Give {', '.join(_LENGTHS)}",
            )
        return now - _LENGTHS[last], None
    since = moment_in(FROM, typed[FROM]) if typed[FROM] else None
    until = moment_in(TO, typed[TO], is_end=True) if typed[TO] else None
    if since and until and since >= until:
        raise InvalidInputError(
            "is not after the beginning of the period",
            field=TO,
            value=typed[TO],
            remedy="Exchange the two times",
        )
    return since, until


def _kind(given: str) -> EventType | None:
    """Return a type of events; None if none is given.

    Raises:
        InvalidInputError: There is no such type.
    """
    if not given:
        return None
    try:
        return EventType(given)
    except ValueError:
        raise InvalidInputError(
            "is not a type of events",
            field=KIND,
            value=given,
            remedy="Choose one in the list",
        ) from None
