"""Values of the JSON form of protocol buffers, which MLflow's server reads."""

from typing import Any

_INT64 = 2**63


class WrongTypeError(Exception):
    """A value is not of its field's type."""


def is_integer_like(value: Any) -> bool:
    """Return whether a value can be read as a whole number, of any size."""
    try:
        int(value)
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def parse_value(kind: type, value: Any) -> Any:
    """Return a value of a type: a text, a boolean, a number of 64 bits or a word of an enumeration.

    Raises:
        WrongTypeError: It is of another one.
    """
    if kind is str:
        return _text(value)
    if kind is bool:
        if not isinstance(value, bool):
            raise WrongTypeError
        return value
    if kind is int:
        return _integer(value)
    return _member(kind, value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise WrongTypeError
    return value


def _integer(value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, str) and value != value.strip()):
        raise WrongTypeError
    if isinstance(value, float) and not value.is_integer():
        raise WrongTypeError
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        raise WrongTypeError from None
    if not -_INT64 <= number < _INT64:
        raise WrongTypeError
    return number


def _member(kind: type, value: Any) -> Any:
    try:
        return kind(value)
    except ValueError:
        raise WrongTypeError from None
