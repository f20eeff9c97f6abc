"""Statements of a pipe: their text and parameters as libpq takes them."""

import re
from collections.abc import Mapping
from typing import LiteralString, NamedTuple, Self, TypeAlias

from pedigree.errors import PedigreeError
from pedigree.postgres.queries import name_of

TextRow: TypeAlias = dict[str, str | None]
"""A row with the text of each value, as Postgres writes it."""


class PipeLostError(PedigreeError):
    """A read was not answered; it can be repeated through the pool.

    Private: the callers of :class:`Pipe` handle it.
    """


class PipeStatement(NamedTuple):
    """A statement with parameters that are texts."""

    name: str
    text: bytes
    parameters: tuple[str, ...]

    @classmethod
    def of(cls, query: LiteralString) -> Self:
        """Return the statement of a query with named parameters.

        >>> PipeStatement.of("SELECT %(a)s, %(b)s, %(a)s").text
        b'SELECT $1, $2, $1'
        """
        found = tuple(dict.fromkeys(re.findall(r"%\((\w+)\)s", query)))
        text = re.sub(r"%\((\w+)\)s", lambda match: f"${found.index(match[1]) + 1}", query)
        return cls(name_of(query), text.encode(), found)

    def values(self, given: Mapping[str, object]) -> list[bytes | None]:
        """Return the parameters as libpq takes them.

        Raises:
            PipeLostError: Postgres cannot store a value; the pool says which.
        """
        try:
            values = [
                None if (each := given[name]) is None else str(each).encode()
                for name in self.parameters
            ]
        except UnicodeError as error:
            raise PipeLostError("a value is not Unicode") from error
        if any(each is not None and b"\0" in each for each in values):
            raise PipeLostError("a value has a NUL character")
        return values
