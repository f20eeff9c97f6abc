"""How pages say values: times, ages, numbers, sizes and people, as filters of the templates."""

import json
from collections.abc import Sized
from datetime import UTC, datetime, timedelta

from markupsafe import Markup
from pydantic import JsonValue

from pedigree.server.web.escaping import escaped

_UNITS = (
    (timedelta(days=365), "y"),
    (timedelta(days=30), "mo"),
    (timedelta(days=1), "d"),
    (timedelta(hours=1), "h"),
    (timedelta(minutes=1), "min"),
)
# As strftime writes them, which takes three times as long.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SIZES = ("B", "kB", "MB", "GB", "TB")
_LONGEST_LINE, _LONGEST_TEXT = 200, 8_000
MOST_COUNTED = 1_000
"""A larger number of results is not counted."""


def span(length: timedelta) -> str:
    """Return a length of time by its largest unit.

    >>> span(timedelta(days=13, hours=4)), span(timedelta(seconds=8))
    ('13 d', 'a moment')
    """
    for unit, name in _UNITS:
        if length >= unit:
            return f"{length // unit} {name}"
    return "a moment"


def held(since: datetime | None, now: datetime) -> str:
    """Return how long something has lasted, such as ``13 d``."""
    return "not known" if since is None else span(now - since)


def moment(at: datetime | None, now: datetime) -> Markup:
    """Return a time as an element: its age, with the time in UTC as its title and its value."""
    if at is None:
        return Markup('<span class="faint">not known</span>')
    age = span(abs(now - at))
    said = f"{age} ago" if at <= now else f"in {age}"
    return _time(at, said, stamp(at))


def date(at: datetime | None) -> Markup:
    """Return a time as an element that shows it in UTC."""
    if at is None:
        return Markup('<span class="faint">not known</span>')
    return _time(at, stamp(at), stamp(at))


def stamp(at: datetime) -> str:
    """Return a time as text, in UTC.

    >>> stamp(datetime(2026, 3, 1, 12, tzinfo=UTC))
    '1 Mar 2026 12:00 UTC'
    """
    utc = at.astimezone(UTC)
    return f"{utc.day} {_MONTHS[utc.month - 1]} {utc.year} {utc.hour:02}:{utc.minute:02} UTC"


def number(value: float | None) -> str:
    """Return a metric to four places; more digits before the point leave fewer behind it.

    >>> number(0.93214), number(-0.0), number(1e308), number(None)
    ('0.9321', '0.0000', '1.000e+308', 'not known')
    """
    if value is None:
        return "not known"
    value += 0.0  # no negative zero
    size = abs(value)
    if size and (size >= 1e9 or size < 5e-5):
        return f"{value:.3e}"
    if size < 10:
        return f"{value:.4f}"
    return f"{value:.2f}" if size < 1000 else f"{value:,.0f}"


def change(value: float | None) -> str:
    """Return a difference of two metrics with its sign."""
    if value is None:
        return "not known"
    said = number(value)
    return said if said.startswith("-") else f"+{said}"


def size(count: float | None) -> str:
    """Return a number of bytes.

    >>> size(512), size(48_256)
    ('512 B', '48.3 kB')
    """
    if count is None:
        return "not known"
    for unit in _SIZES:
        if count < 1000 or unit == _SIZES[-1]:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError


def counted(count: int) -> str:
    """Return a number of results, which is counted up to a thousand.

    >>> counted(12), counted(1001)
    ('12', 'more than 1,000')
    """
    return f"more than {MOST_COUNTED:,}" if count > MOST_COUNTED else f"{count:,}"


def plural(count: int | Sized, one: str, many: str | None = None) -> str:
    """Return a number with its noun.

    >>> plural(1, "gate"), plural(2, "gate"), plural(0, "policy", "policies")
    ('1 gate', '2 gates', '0 policies')
    """
    number_of = count if isinstance(count, int) else len(count)
    return f"{number_of:,} {one if number_of == 1 else many or one + 's'}"


def foreign(text: object) -> Markup:
    """Return text of somebody else: escaped, and its direction of writing kept to itself."""
    # Pages have hundreds of these, and Markup.format takes ten times as long.
    return Markup(f"<bdi>{escaped(text)}</bdi>")  # noqa: S704


def person(name: str) -> Markup:
    """Return somebody's name: an e-mail address by its first part, whole in the title."""
    short = name.split("@", maxsplit=1)[0] if "@" in name[1:] else name
    return Markup(f'<bdi class="person" title="{escaped(name)}">{escaped(short)}</bdi>')  # noqa: S704


def short(digest: str | None) -> str:
    """Return the first twelve digits of a digest.

    >>> short("sha256:0123456789abcdef"), short(None)
    ('0123456789ab', 'no digest')
    """
    return "no digest" if digest is None else digest.rpartition(":")[2][:12]


def plain(value: JsonValue) -> str:
    """Return a value of a record as text: a text as it is, a digest shortened, the rest as JSON.

    >>> plain("risk"), plain(["ann", "bob"]), plain({"depth": 3})
    ('risk', 'ann, bob', '{"depth": 3}')
    """
    if isinstance(value, str):
        return short(value) if value.startswith("sha256:") else value
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        return ", ".join(map(str, value))
    return json.dumps(value, ensure_ascii=False)


def worded(name: str) -> str:
    """Return an identifier as words.

    >>> worded("signature_compatible")
    'signature compatible'
    """
    return name.replace("_", " ")


def compact(value: object) -> str:
    """Return a JSON value in one line, shortened if it is long.

    >>> compact({"depth": 3}), compact("gini"), compact(True)
    ('{"depth": 3}', 'gini', 'true')
    """
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return _cut(text, _LONGEST_LINE)


def stated(value: object) -> str:
    """Return a JSON value in one line, for a page that is printed; only very long ones are cut."""
    return _cut(json.dumps(value, ensure_ascii=False), _LONGEST_TEXT)


def pretty(value: object) -> str:
    """Return a JSON value over several lines, shortened if it is long."""
    return _cut(json.dumps(value, ensure_ascii=False, indent=2), _LONGEST_TEXT)


def brief(text: str) -> str:
    """Return the beginning of a text that is shown whole elsewhere."""
    return text if len(text) <= _LONGEST_LINE else f"{text[: _LONGEST_LINE - 20]}…"


def _cut(text: str, most: int) -> str:
    further = len(text) - most
    return text if further <= 0 else f"{text[:most]}… ({further:,} further characters)"


def _time(at: datetime, said: str, title: str) -> Markup:
    # Made of digits and names of months and units alone.
    stated = at.astimezone(UTC).isoformat(timespec="seconds")
    return Markup(f'<time datetime="{stated}" title="{title}">{said}</time>')  # noqa: S704


FILTERS = {
    "span": span,
    "number": number,
    "change": change,
    "size": size,
    "counted": counted,
    "plural": plural,
    "foreign": foreign,
    "person": person,
    "plain": plain,
    "short": short,
    "worded": worded,
    "compact": compact,
    "brief": brief,
    "stated": stated,
    "pretty": pretty,
    "date": date,
    "stamp": stamp,
}
"""The filters that need nothing but the value; ``held`` and ``moment`` also need the time."""
