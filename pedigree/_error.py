"""The errors that carry more than their name: the base of the tree, and others.

``pedigree.errors`` names each twice, so that the type checker knows them as errors of that module.
"""

from collections.abc import Iterable
from typing import ClassVar

from pedigree._excerpt import pointed, shortened

_HOME = "pedigree.errors"
"""Where a caller finds them, and a traceback says that they are."""


class PedigreeError(Exception):
    """The base of the tree.

    Args:
        message: What was wrong, as a clause without a final stop.
        field: The name of the input that was wrong, as the caller spells it.
        value: The value that was wrong; shortened in the message, never a secret.
        remedy: What to do, as an imperative sentence without a final stop.
    """

    __module__ = _HOME
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
    """What the caller gave is wrong; nothing was written."""

    __module__ = _HOME
    exit_code = 2


class InvalidSearchError(InvalidInputError):
    """A filter, an order or a cursor cannot be read, or names what is not allowed.

    Args:
        message: What was wrong.
        expression: The text that was given.
        place: Where in it, as the first character and the one behind the last.
        allowed: What may stand there.
        remedy: What to do, where nothing can be listed.
        field: Which text it was.
    """

    __module__ = _HOME

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
        return f"{super().__str__()}\n  {self.pointed}"

    @property
    def pointed(self) -> str:
        """The line that is wrong, with carets below the place."""
        return pointed(self.expression, self.place)


class ReservedNameError(InvalidInputError):
    """Somebody claims a name under which only Pedigree's sensors or services act.

    Args:
        name: The name.
        field: Where it is claimed: a setting, a tag.
        prefixes: By which such names are known.
    """

    __module__ = _HOME

    def __init__(self, name: str, *, field: str, prefixes: Iterable[str]) -> None:
        super().__init__(
            f"names that begin with {' or '.join(prefixes)} are Pedigree's own",
            field=field,
            value=name,
            remedy="Name the person or the system that acts",
        )


class RefusedError(PedigreeError):
    """The request is well-formed, and the rules say no."""

    __module__ = _HOME
    exit_code = 2


class UntrustedModelError(RefusedError):
    """Loading the artifact would run or build what nobody vouched for; the message names it."""

    __module__ = _HOME
    names: tuple[str, ...] = ()
    """What ``trust`` would have to name."""


class UnverifiedModelError(InvalidInputError):
    """What was saved does not load in a new process, or predicts other values there."""

    __module__ = _HOME
    expected: str | None = None
    """What the model gave, where the two differ."""
    found: str | None = None
    """What the saved bytes gave."""
