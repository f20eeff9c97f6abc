"""The descriptions that people edit: a text, owners and tags of a model or a version."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Self

from psycopg.types.json import Jsonb
from pydantic import JsonValue

from pedigree._record import UNCHANGED, IsUnchanged
from pedigree._values import Bound, require_values
from pedigree.postgres.transaction import Row

MOST_TAGS = 1 << 20
"""The most bytes of all tags of a model or a version as JSON: each read of it has them all."""

_STORABLE = Bound(MOST_TAGS, is_json=True, is_private=True)


class Changes(NamedTuple):
    """A change of a description; None removes a value, and a tag of None removes the tag."""

    description: str | IsUnchanged | None = UNCHANGED
    owners: Sequence[str] | IsUnchanged | None = UNCHANGED
    tags: Mapping[str, str | None] | IsUnchanged | None = UNCHANGED

    def require_storable(self) -> None:
        """Refuse what the database cannot store; the entrance of verbs checks more.

        Raises:
            InvalidInputError: A text is not Unicode or has a NUL, or the whole is too large.
        """
        for name, value in self._asdict().items():
            if value is not UNCHANGED:
                require_values(value, name, bound=_STORABLE)

    def naming(self, pseudonyms: Callable[[Iterable[str]], Sequence[str]]) -> Self:
        """Return the change with pseudonyms instead of the names of owners."""
        if self.owners is UNCHANGED or self.owners is None:
            return self
        return self._replace(owners=pseudonyms(self.owners))

    def __bool__(self) -> bool:
        return any(each is not UNCHANGED for each in self)


class Described(NamedTuple):
    """What people edit of a model or a version."""

    description: str | None
    owners: list[str]
    tags: dict[str, str]

    @classmethod
    def of(cls, row: Row) -> Self:
        """Return the description in a row."""
        return cls(row["description"], list(row["owners"]), dict(row["tags"]))

    def with_changes(self, changes: Changes) -> Self:
        """Return the description after a change, as JSON Merge Patch (RFC 7396) defines it.

        >>> before = Described("old", ["ann"], {"team": "x", "tier": "1"})
        >>> before.with_changes(Changes(description=None, tags={"tier": None, "risk": "low"}))
        Described(description=None, owners=['ann'], tags={'team': 'x', 'risk': 'low'})
        """
        changed = self
        if changes.description is not UNCHANGED:
            changed = changed._replace(description=changes.description)
        if changes.owners is not UNCHANGED:
            changed = changed._replace(owners=list(changes.owners or ()))
        if changes.tags is not UNCHANGED:
            changed = changed._replace(tags=_merged(self.tags, changes.tags))
        return changed

    def columns(self) -> dict[str, object]:
        """Return the values as Postgres takes them."""
        return {**self._asdict(), "tags": Jsonb(self.tags)}

    def named_by(self, changes: Changes) -> dict[str, JsonValue]:
        """Return the values of the fields that a change names, for its event."""
        given = changes._asdict()
        values: dict[str, JsonValue] = {
            "description": self.description,
            "owners": [*self.owners],
            "tags": {**self.tags},
        }
        return {name: value for name, value in values.items() if given[name] is not UNCHANGED}


NOTHING = Described(None, [], {})
"""The description of a new model."""


def _merged(tags: Mapping[str, str], changes: Mapping[str, str | None] | None) -> dict[str, str]:
    merged = {**tags, **changes} if changes is not None else {}
    return {key: value for key, value in merged.items() if value is not None}
