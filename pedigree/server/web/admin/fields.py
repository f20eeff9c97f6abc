"""Fields of Admin's forms, read as the verbs take them."""

from collections.abc import Mapping
from datetime import timedelta

from pedigree.access.grant_records import MOST_PATTERNS
from pedigree.errors import InvalidInputError

_UNITS = {"hours": timedelta(hours=1), "days": timedelta(days=1)}
_LONGEST_WORD = 256
_MOST_DAYS = 3650


def text(form: Mapping[str, str], name: str) -> str | None:
    """Return what somebody wrote into a field; None if nothing but spaces."""
    return form.get(name, "").strip() or None


def required(form: Mapping[str, str], name: str) -> str:
    """Return what somebody wrote into a field.

    Raises:
        InvalidInputError: It is empty.
    """
    given = text(form, name)
    if given is None:
        raise InvalidInputError("is missing", field=name, remedy="Fill it in")
    return given


def words(form: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Return the words of a field, which spaces or commas separate.

    Raises:
        InvalidInputError: There are too many, or one is too long.
    """
    found = tuple(form.get(name, "").replace(",", " ").split())
    if len(found) > MOST_PATTERNS or any(len(each) > _LONGEST_WORD for each in found):
        raise InvalidInputError(
            "has too many names, or one that is too long",
            field=name,
            remedy=f"Give at most {MOST_PATTERNS} of at most {_LONGEST_WORD} characters each",
        )
    return found


def number(form: Mapping[str, str], name: str) -> int:
    """Return the number of a hidden field.

    Raises:
        InvalidInputError: It is not one.
    """
    given = form.get(name, "")
    if not (given.isascii() and given.isdigit() and len(given) <= 18):
        raise InvalidInputError(
            "is not a number", field=name, value=given, remedy="Send the form from its page"
        )
    return int(given)


def lifetime(form: Mapping[str, str], name: str) -> timedelta | None:
    """Return how long something lasts, written as ``12 hours`` or ``30 days``; None without limit.

    Raises:
        InvalidInputError: It is neither.
    """
    given = text(form, name)
    if given is None:
        return None
    count, _, unit = given.partition(" ")
    length = _UNITS.get(f"{unit.strip().removesuffix('s')}s")
    if length is None or not count.isascii() or not count.isdigit() or len(count) > 5:
        raise _not_a_lifetime(name, given)
    found = int(count) * length
    if not timedelta(0) < found <= timedelta(days=_MOST_DAYS):
        raise _not_a_lifetime(name, given)
    return found


def _not_a_lifetime(name: str, given: str) -> InvalidInputError:
    return InvalidInputError(
        "is not a length of time",
        field=name,
        value=given,
        remedy=f"Write it as 12 hours or 30 days, of at most {_MOST_DAYS:,} days; leave it empty"
        " for no limit",
    )
