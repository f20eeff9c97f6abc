"""What the search of the MLflow protocol finds."""

from typing import Generic, TypeVar

from pedigree._record import Record

T = TypeVar("T")


class FoundVersion(Record):
    """A version, as far as its search shows it; times are in milliseconds since 1970."""

    model_id: int
    name: str
    version: int
    created_ms: int
    updated_ms: int
    description: str | None
    stage: str
    """The stage by the model's policy; `none` without one."""
    state: str
    state_reason: str | None
    source: str
    run_id: str
    run_link: str | None
    tags: dict[str, str]


class FoundModel(Record):
    """A model, as far as its search shows it; times are in milliseconds since 1970."""

    model_id: int
    name: str
    created_ms: int
    updated_ms: int
    description: str | None
    tags: dict[str, str]
    aliases: dict[str, int]
    newest: tuple[FoundVersion, ...]
    """The newest version of each stage, and of none; the newest first."""


class PageOfFound(Record, Generic[T]):
    """A page of what was found, and the token of the next one; None on the last page."""

    items: tuple[T, ...]
    next_token: str | None
