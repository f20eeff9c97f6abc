"""Models and versions as MLflow shows them, in milliseconds and with its names of stages.

They are dictionaries without what is not known: a page has up to 10,000 versions, and a record that
is validated takes several times as long as the rest of its answer.
"""

from collections.abc import Mapping
from typing import NotRequired, TypedDict


class TagAnswer(TypedDict):
    """A tag."""

    key: str
    value: str


class AliasAnswer(TypedDict):
    """An alias of a model."""

    alias: str
    version: str


class VersionAnswer(TypedDict):
    """A version."""

    name: str
    version: str
    creation_timestamp: int
    last_updated_timestamp: int
    description: NotRequired[str]
    current_stage: str
    source: str
    run_id: NotRequired[str]
    run_link: NotRequired[str]
    status: str
    status_message: NotRequired[str]
    tags: NotRequired[list[TagAnswer]]
    aliases: NotRequired[list[str]]


class ModelAnswer(TypedDict):
    """A model."""

    name: str
    creation_timestamp: int
    last_updated_timestamp: int
    description: NotRequired[str]
    latest_versions: NotRequired[list[VersionAnswer]]
    tags: NotRequired[list[TagAnswer]]
    aliases: NotRequired[list[AliasAnswer]]


class OneModel(TypedDict):
    """The answer with one model."""

    registered_model: ModelAnswer


class OneVersion(TypedDict):
    """The answer with one version."""

    model_version: VersionAnswer


class ManyVersions(TypedDict):
    """The answer with several versions."""

    model_versions: NotRequired[list[VersionAnswer]]


def tag_answers(tags: Mapping[str, str]) -> list[TagAnswer]:
    """Return tags in the order of their keys."""
    return [{"key": key, "value": tags[key]} for key in sorted(tags)]
