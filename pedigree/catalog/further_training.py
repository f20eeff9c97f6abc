"""A further training of a version that has the registered bytes already."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from pedigree.catalog.creation_look import KnownVersion
from pedigree.catalog.metadata_fields import ApprovalStatus, about_fields
from pedigree.catalog.metadata_records import RecordedMetadata
from pedigree.catalog.records import ModelVersion, StatedVersion

_FIELDS = about_fields(RecordedMetadata)

# The stage where versions rest, which the lifecycle names.
_ARCHIVED = "archived"
# Fields of a version that come from its first training, unless people changed them later.
_OF_VERSION = (
    *(name for name, about in _FIELDS.items() if about.shown and about.trained),
    *("metrics", "params"),
)


class FurtherTraining(NamedTuple):
    """A training of a version that exists: a new one, or the repetition of one."""

    training_id: str
    is_new: bool
    restated: int
    """How many trainings of the same step and run exist, with other metadata."""
    notice: str | None

    @classmethod
    def of(cls, known: KnownVersion, new: StatedVersion, training_id: str) -> Self:
        """Return the training; a retry of the same step adds none, unless it states other metadata.

        Args:
            known: The version, and the trainings that the same step of the run has on it.
            new: What is registered.
            training_id: The id of the training, if it is a new one.
        """
        version, stated = known.version, new.metadata
        notice = _joined(
            _not_shown(version.reference, _differing(stated, version.model_dump(mode="json"))),
            _state_notice(version),
        )
        repeated = [row for row in known.trainings if not _differing(stated, row)]
        if repeated:
            return cls(str(repeated[0]["training_id"]), is_new=False, restated=0, notice=notice)
        return cls(training_id, is_new=True, restated=len(known.trainings), notice=notice)


def _not_shown(reference: str, fields: list[str]) -> str | None:
    if not fields:
        return None
    named = ", ".join(fields)
    return _joined(
        f"{reference} has these bytes and keeps its {named}",
        f"the training keeps the {named} given now",
    )


def _differing(stated: RecordedMetadata, known: Mapping[str, Any]) -> list[str]:
    """Return the stated fields that differ from known ones."""
    given = stated.model_dump(mode="json", include=set(_OF_VERSION))
    return [
        name
        for name in _OF_VERSION
        if given[name] not in (None, [], {}) and _plain(given[name]) != _plain(known[name])
    ]


def _plain(value: object) -> object:
    """Return a value as JSON distinguishes it; Postgres writes 1e300 as an integer."""
    return json.loads(json.dumps(value), parse_int=float)


def _state_notice(known: ModelVersion) -> str | None:
    has = f"{known.reference} has these bytes and"
    if known.quarantine_reason:
        return f"{has} is quarantined: {known.quarantine_reason}"
    if known.approval_status is ApprovalStatus.REJECTED:
        return f"{has} was rejected; it will not be promoted by itself"
    if known.stage == _ARCHIVED:
        return f"{has} is archived; it will not be promoted by itself"
    return None


def _joined(*notices: str | None) -> str | None:
    return "; ".join(filter(None, notices)) or None
