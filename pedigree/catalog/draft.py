"""A registration that somebody wants, and the version that it makes, as a look knows it."""

from collections.abc import Collection
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any
from uuid import UUID, uuid4

from pydantic import JsonValue

from pedigree.artifacts.records import Manifest
from pedigree.audit.records import Actor
from pedigree.catalog.creation_look import Look
from pedigree.catalog.further_training import FurtherTraining
from pedigree.catalog.kept_answers import KeptRequest
from pedigree.catalog.metadata_records import RecordedMetadata
from pedigree.catalog.quarantine_marks import NewMarks
from pedigree.catalog.records import ModelVersion, SourcedVersion, StatedVersion
from pedigree.catalog.seal_states import SealState
from pedigree.flavors.records import NO_TRAINING, Verification, VerificationStatus


@dataclass(frozen=True, kw_only=True)
class WantedVersion:
    """A registration that somebody wants."""

    name: str
    manifest: Manifest | None
    """None: the registry does not have the bytes."""
    new: StatedVersion
    actor: Actor
    session: UUID | None = None
    """The upload session that the registration ends."""
    request: KeptRequest | None = None
    is_listed: bool = False
    """Whether the files are listed by digest, so that missing bytes must be sent first."""

    @property
    def sourced(self) -> SourcedVersion | None:
        """What the client of another protocol states; its version is new in any case."""
        return self.new if isinstance(self.new, SourcedVersion) else None

    @property
    def unsealed(self) -> SourcedVersion | None:
        """The same, as long as the registry does not have the bytes."""
        return self.sourced if self.manifest is None else None


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What a registration makes, before the database gives it a number and a time."""

    wanted: WantedVersion
    look: Look
    marks: NewMarks
    training_id: str = field(default_factory=lambda: str(uuid4()))

    @cached_property
    def further(self) -> FurtherTraining | None:
        """The further training of a version that has the bytes already."""
        known = self.look.known
        if known is None:
            return None
        return FurtherTraining.of(known, self.wanted.new, self.training_id)

    @cached_property
    def version(self) -> ModelVersion:
        """The version as the look knows it, with the number that is next now."""
        if self.look.known is not None:
            return self._trained_again(self.look.known.version)
        wanted, model = self.wanted, self.look.model
        metadata = wanted.new.metadata
        stated = {name: getattr(metadata, name) for name in RecordedMetadata.model_fields}
        manifest, unsealed = wanted.manifest, wanted.unsealed
        return ModelVersion.model_construct(
            **{**stated, "params": as_stored(metadata.params)},
            model_name=wanted.name,
            version_id=model.next_version,
            artifact_uri=f"pedigree://artifacts/{manifest.digest}" if manifest else None,
            created_by=wanted.actor.name,
            created_by_source=wanted.actor.source,
            created_at=self.look.at,
            digest=manifest.digest if manifest else None,
            size=manifest.size if manifest else None,
            state=unsealed.state if unsealed else SealState.SEALED,
            state_reason=unsealed.state_reason if unsealed else None,
            quarantine_reason=self.marks.reason,
            generation=model.generation,
            trainings=1 if wanted.new.has_training else 0,
            verification=wanted.new.verification if wanted.new.has_training else NO_TRAINING,
        )

    def _trained_again(self, known: ModelVersion) -> ModelVersion:
        changes: dict[str, Any] = {"quarantine_reason": self.marks.reason}
        if self.further is not None and self.further.is_new:
            shown = _shown(known.verification, self.wanted.new.verification)
            changes |= {"trainings": known.trainings + 1, "verification": shown}
        return known.model_copy(update=changes)


def _shown(known: Verification, given: Verification) -> Verification:
    """Return the verification that a version shows: that of its first verified training."""
    verified = VerificationStatus.VERIFIED
    is_first = given.status is verified and known.status is not verified
    return given if is_first else known


def as_stored(value: JsonValue) -> JsonValue:
    """Return JSON as a read of the database gives it: a large float is an integer there.

    >>> as_stored({"rate": 0.5, "far": 1e22})
    {'rate': 0.5, 'far': 10000000000000000000000}
    """
    match value:
        case float() if abs(value) >= 2**53:
            return int(Decimal(repr(value)))
        case list():
            return [as_stored(each) for each in value]
        case dict():
            return {name: as_stored(each) for name, each in value.items()}
        case _:
            return value


def digests_of(manifest: Manifest | None) -> Collection[str]:
    """Return the distinct digests of a manifest's files, sorted."""
    return sorted({file.digest for file in manifest.files}) if manifest else []
