"""Edits of one tag of a model or a version, whose event says only what changed."""

from typing import NamedTuple

from pydantic_core import to_json

from pedigree._values import JSON_BYTES, Bound, require_values
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.catalog.description import MOST_TAGS
from pedigree.catalog.model_changes import change_model
from pedigree.catalog.store import SQL, LockedModel, lock_model, version_not_found
from pedigree.errors import InvalidInputError, TagNotFoundError
from pedigree.postgres.transaction import Transaction

MOST_KEY = 250
"""The most characters of a tag's key, as in MLflow."""

MOST_VALUE = 100_000
"""The most characters of a tag's value, as in MLflow."""

_FIELD = "tags"
# A character has at most four bytes.
_ONE_TAG = Bound(max(4 * MOST_VALUE, JSON_BYTES), is_private=True)


class TagPlace(NamedTuple):
    """What has the tag: a model, or one of its versions."""

    name: str
    version: int | None = None

    @property
    def reference(self) -> str:
        """``churn`` or ``churn/3``."""
        return self.name if self.version is None else f"{self.name}/{self.version}"

    @property
    def command(self) -> str:
        """The command that shows it."""
        return "model show" if self.version is None else "show"


def set_tag(transaction: Transaction, place: TagPlace, key: str, value: str, actor: Actor) -> None:
    """Set one tag.

    Raises:
        InvalidInputError: The key or the value breaks a bound, or all tags are too large together.
        NotFoundError: There is no such model or version.
    """
    require_tag(key, value)
    model = lock_model(transaction, place.name)
    tags = {**_tags(model, place), key: value}
    if (size := len(to_json(tags))) > MOST_TAGS:
        raise InvalidInputError(
            f"would have {size:,} bytes as JSON, more than {MOST_TAGS:,}",
            field=_FIELD,
            remedy="Store large texts as files of the version, or delete other tags",
        )
    _change(model, place, {key: value}, actor)


def delete_tag(transaction: Transaction, place: TagPlace, key: str, actor: Actor) -> None:
    """Remove one tag.

    Raises:
        TagNotFoundError: There is no such tag.
        NotFoundError: There is no such model or version.
    """
    require_values(key, "key")
    model = lock_model(transaction, place.name)
    if key not in _tags(model, place):
        raise TagNotFoundError(
            f"{place.reference} has no such tag",
            field="key",
            value=key,
            remedy=f"`pedigree {place.command} {place.reference}` shows its tags",
        )
    _change(model, place, {key: None}, actor)


def require_tag(key: str, value: str) -> None:
    """Refuse a key or a value that no tag may have.

    Raises:
        InvalidInputError: One is too long or is not Unicode text without NUL, or the key is empty.
    """
    require_values(key, "key")
    require_values(value, "value", bound=_ONE_TAG)
    if not 1 <= len(key) <= MOST_KEY:
        raise InvalidInputError(
            f"has {len(key)} characters",
            field="key",
            value=key,
            remedy=f"Give a key of 1 to {MOST_KEY} characters",
        )
    if len(value) > MOST_VALUE:
        raise InvalidInputError(
            f"has {len(value):,} characters, more than {MOST_VALUE:,}",
            field="value",
            remedy="Shorten it, or store it as a file of the version",
        )


def _tags(model: LockedModel, place: TagPlace) -> dict[str, str]:
    of_model = {"model_id": model.model_id, "version": place.version}
    query = "model_description" if place.version is None else "version_description"
    row = model.transaction.execute(SQL[query], of_model).fetchone()
    if row is None:
        raise version_not_found(place.name, place.version or 0)
    return dict(row["tags"])


def _change(
    model: LockedModel, place: TagPlace, changes: dict[str, str | None], actor: Actor
) -> None:
    kind = EventType.MODEL_UPDATED if place.version is None else EventType.VERSION_UPDATED
    change_model(model, kind, {"tag_changes": {**changes}}, actor, version=place.version)
