"""The base of the error tree, and the errors that have fields of their own.

``pedigree.errors`` re-exports each as itself, so that the type checker accepts it from there.
"""

from collections.abc import Iterable
from typing import ClassVar

from pedigree._excerpt import excerpt, shortened

MODULE = "pedigree.errors"
"""The module that callers import them from and that tracebacks show."""


class PedigreeError(Exception):
    """The base of the error tree.

    Args:
        message: What is wrong, as a clause without a final period.
        field: The name of the invalid input, as the caller spells it.
        value: The invalid value; shortened in the message, never a secret.
        remedy: What to do, as an imperative sentence without a final period.
    """

    __module__ = MODULE
    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        value: object = None,
        remedy: str | None = None,
    ) -> None:
        self.message = message
        self.field = field
        self.value = value
        self.remedy = remedy
        super().__init__(str(self))

    def __str__(self) -> str:
        subject = f"{self.field}: " if self.field else ""
        got = f" (got {shortened(self.value)})" if self.value is not None else ""
        remedy = f" {self.remedy}." if self.remedy else ""
        return f"{subject}{self.message}{got}.{remedy}"


class InvalidInputError(PedigreeError):
    """The caller's input is invalid; nothing was written."""

    __module__ = MODULE
    exit_code = 2


class InvalidSearchError(InvalidInputError):
    """A filter, an order or a cursor cannot be parsed, or names something that is not allowed.

    Args:
        message: What is wrong.
        expression: The caller's text.
        place: The invalid span: the offset of its first character, and the offset after its last.
        allowed: What is allowed at that place.
        remedy: What to do, if there is no list of what is allowed.
        field: The parameter that holds the text.
    """

    __module__ = MODULE

    def __init__(
        self,
        message: str,
        *,
        expression: str,
        place: tuple[int, int],
        allowed: Iterable[str] = (),
        remedy: str | None = None,
        field: str = "filter",
    ) -> None:
        self.expression = expression
        self.place = place
        self.allowed = tuple(allowed)
        if self.allowed:
            remedy = f"Allowed here: {', '.join(self.allowed)}"
        message = f"{message}, at character {place[0] + 1}"
        super().__init__(message, field=field, remedy=remedy)

    def __str__(self) -> str:
        return f"{super().__str__()}\n  {self.excerpt}"

    @property
    def excerpt(self) -> str:
        """The invalid line, with carets below the place."""
        return excerpt(self.expression, self.place)


class SearchTooBroadError(InvalidSearchError):
    """A search takes longer than it may; the message marks the term that makes it slow."""

    __module__ = MODULE


class ReservedNameError(InvalidInputError):
    """The name is reserved for Pedigree's own sensors and services.

    Args:
        name: The name.
        field: Where the name is given: a setting or a tag.
        prefixes: The prefixes of reserved names.
    """

    __module__ = MODULE

    def __init__(self, name: str, *, field: str, prefixes: Iterable[str]) -> None:
        super().__init__(
            f"names that begin with {' or '.join(prefixes)} are reserved for Pedigree",
            field=field,
            value=name,
            remedy="Name the person or the system that acts",
        )


class RefusedError(PedigreeError):
    """The request is well-formed, but the rules do not allow it."""

    __module__ = MODULE
    exit_code = 2


class GateNotPassedError(RefusedError):
    """A gate of the policy did not pass; the message lists what is missing.

    Args:
        message: What is wrong. It lists what is missing as :meth:`listed` does.
        waits_for: What is missing, for each gate.
        field: As for every error.
        value: As for every error.
        remedy: As for every error.
    """

    __module__ = MODULE

    def __init__(
        self,
        message: str,
        *,
        waits_for: Iterable[str] = (),
        field: str | None = None,
        value: object = None,
        remedy: str | None = None,
    ) -> None:
        self.waits_for = tuple(waits_for)
        super().__init__(message, field=field, value=value, remedy=remedy)

    @staticmethod
    def listed(waits_for: Iterable[str]) -> str:
        """Return a list of what is missing within a sentence."""
        return "; ".join(waits_for)


class NotFoundError(PedigreeError):
    """The requested object does not exist."""

    __module__ = MODULE
    exit_code = 2


class UntrustedModelError(RefusedError):
    """Loading the artifact would run code or build types that are not trusted; see the message."""

    __module__ = MODULE
    names: tuple[str, ...] = ()
    """The names that ``trust`` must contain."""


class UnverifiedModelError(InvalidInputError):
    """The saved model does not load in a new process, or predicts different values there."""

    __module__ = MODULE
    expected: str | None = None
    """The model's own value, if the two differ."""
    found: str | None = None
    """The value that the saved bytes predict."""
