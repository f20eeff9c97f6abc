"""Models and versions as MLflow shows them, in milliseconds and with its names of stages."""

from collections.abc import Mapping

from pedigree._record import Record


class TagAnswer(Record):
    """A tag."""

    key: str
    value: str


class AliasAnswer(Record):
    """An alias of a model."""

    alias: str
    version: str


class VersionAnswer(Record):
    """A version; what is None is left out."""

    name: str
    version: str
    creation_timestamp: int
    last_updated_timestamp: int
    description: str | None = None
    current_stage: str
    source: str
    run_id: str | None = None
    run_link: str | None = None
    status: str
    status_message: str | None = None
    tags: tuple[TagAnswer, ...] | None = None
    aliases: tuple[str, ...] | None = None


class ModelAnswer(Record):
    """A model; what is None is left out."""

    name: str
    creation_timestamp: int
    last_updated_timestamp: int
    description: str | None = None
    latest_versions: tuple[VersionAnswer, ...] | None = None
    tags: tuple[TagAnswer, ...] | None = None
    aliases: tuple[AliasAnswer, ...] | None = None


class OneModel(Record):
    """The answer with one model."""

    registered_model: ModelAnswer


class OneVersion(Record):
    """The answer with one version."""

    model_version: VersionAnswer


class ManyVersions(Record):
    """The answer with several versions."""

    model_versions: tuple[VersionAnswer, ...] | None = None


def tag_answers(tags: Mapping[str, str]) -> tuple[TagAnswer, ...] | None:
    """Return tags in the order of their keys; None without any."""
    pairs = sorted(tags.items())
    return tuple(TagAnswer(key=key, value=value) for key, value in pairs) or None
