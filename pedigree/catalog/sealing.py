"""Give a version its bytes, or say that it will have none: the documents and the calls.

Each call is a transaction of its own, as that of a registration. Its document has holes for what
only the database knows: the time, the generation, the approvals that become void, and the actor.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import uuid4

from pydantic import JsonValue
from pydantic_core import to_json

from pedigree.artifacts.assemble import bytes_missing
from pedigree.artifacts.records import Digest, Manifest
from pedigree.artifacts.store import BlobCollectedError
from pedigree.audit.event_types import EventType
from pedigree.audit.records import Actor
from pedigree.catalog.creation import Supply
from pedigree.catalog.creation_calls import StaleLookError
from pedigree.catalog.creation_rows import (
    artifact_row,
    event_row,
    stated_body,
    stored_row,
    training_rows,
)
from pedigree.catalog.names import name_key
from pedigree.catalog.quarantine_marks import NewMarks
from pedigree.catalog.records import ModelVersion, StatedVersion
from pedigree.catalog.seal_states import SealState
from pedigree.catalog.sealed import not_sealed
from pedigree.catalog.store import SQL, version_not_found
from pedigree.errors import AlreadySealedError, PedigreeError
from pedigree.lineage.store import lineage_rows
from pedigree.postgres.database import Database


@dataclass(frozen=True, kw_only=True)
class Sealing:
    """A version without a digest, and the bytes that it gets."""

    version: ModelVersion
    manifest: Manifest
    stated: StatedVersion | None
    """What is known of the training, if the version has none yet."""
    marks: NewMarks
    actor: Actor
    judge_after: str
    """After which time another process judges the version, if this one does not."""
    verdicts: Sequence[Mapping[str, JsonValue]] = ()
    """What checks found on these bytes before."""
    is_listed: bool = False
    """Whether the files are listed by digest, so that missing bytes must be sent first."""
    training_id: str = field(default_factory=lambda: str(uuid4()))
    hole: str = field(default_factory=lambda: uuid4().hex)

    def supplied(self, supply: Supply) -> dict[str, Any]:
        """Return the document, with the bytes that an upload stored."""
        stored = [stored_row(each) for each in supply.stored]
        return {**self._document, "upload": supply.upload_id, "stored": stored}

    @cached_property
    def _document(self) -> dict[str, Any]:
        document: dict[str, Any] = {
            **_subject(self.version, self.hole),
            "artifact": artifact_row(self.manifest),
            "flavor": self.manifest.flavor,
            "signature": self.manifest.signature,
            "events": self._events,
            "judge_later": self.judge_after,
        }
        if self.verdicts:
            document["judged"] = {"verdicts": self.verdicts}
        if self.stated is not None:
            document |= training_rows(self.stated, self.training_id)
            if self.stated.lineage.nodes:
                document |= {"quarantines": self.marks.seen, **lineage_rows(self.stated.lineage)}
        if self.marks.marked:
            document |= {"marks": self.marks.rows, "quarantine_reason": self.marks.reason}
        return document

    @property
    def _events(self) -> list[dict[str, str]]:
        digest = self.manifest.digest
        shown = self.stated.metadata if self.stated is not None else self.version
        sealed: dict[str, JsonValue] = {
            "digest": digest,
            "state": self.version.state.value,
            "run_id": shown.run_id,
            "metrics": dict(shown.metrics),
            "generation": f"{self.hole}generation",
            "voided": f"{self.hole}voided",
        }
        events = [self._event(EventType.VERSION_SEALED, sealed)]
        if self.stated is not None:
            body = stated_body(self.stated, digest, self.training_id)
            events.append(self._event(EventType.VERSION_TRAINED, body))
        events += [
            self._event(EventType.VERSION_QUARANTINED, body) for body in self.marks.event_bodies
        ]
        events += [
            self._event(EventType.VERSION_CHECK_RECORDED, verdict) for verdict in self.verdicts
        ]
        return events

    def _event(self, kind: EventType, body: Mapping[str, JsonValue]) -> dict[str, str]:
        return event_row(self.version.model_name, self.hole, kind, body)


def seal(database: Database, sealing: Sealing, supply: Supply) -> None:
    """Give a version its bytes; bytes that it has already change nothing.

    Raises:
        VersionNotFoundError: There is no such version.
        AlreadySealedError: It has other bytes.
        BytesMissingError: The registry lacks some of the listed files.
        BlobCollectedError: Bytes that an upload found live, or stored, were collected.
        StaleLookError: Data that it was trained on was quarantined since.
    """
    document = sealing.supplied(supply)
    values = {
        "document": to_json(document).decode(),
        "manifest": sealing.manifest.canonical,
        **_acting(sealing.actor),
    }
    done: Mapping[str, Any] = database.call(SQL["seal_version"], values)["done"]
    version = sealing.version
    match done.get("refused"):
        case None:
            return
        case "unknown":
            raise version_not_found(version.model_name, version.version_id)
        case "missing":
            missing = done["digests"]
            raise bytes_missing(missing) if sealing.is_listed else BlobCollectedError(min(missing))
        case "sealed":
            if done["digest"] != sealing.manifest.digest:
                raise already_sealed(version.reference, done["digest"])
        case _:
            raise StaleLookError(version.model_name)


def fail(database: Database, version: ModelVersion, reason: str, actor: Actor) -> None:
    """Say that a pending version will have no bytes; a failed one stays as it is.

    Raises:
        VersionNotFoundError: There is no such version.
        AlreadySealedError: It has a digest by now.
        NotSealedError: It is by reference.
    """
    hole = uuid4().hex
    body: dict[str, JsonValue] = {"reason": reason}
    kind = EventType.VERSION_REGISTRATION_FAILED
    document = {
        **_subject(version, hole),
        "reason": reason,
        "events": [event_row(version.model_name, hole, kind, body)],
    }
    values = {"document": to_json(document).decode(), **_acting(actor)}
    done: Mapping[str, Any] = database.call(SQL["fail_version"], values)["done"]
    if problem := _refusal_to_fail(version, done.get("refused")):
        raise problem


def _refusal_to_fail(version: ModelVersion, refused: str | None) -> PedigreeError | None:
    match refused:
        case None | SealState.FAILED:
            return None
        case "unknown":
            return version_not_found(version.model_name, version.version_id)
        case SealState.SEALED:
            return already_sealed(version.reference, None)
        case _:
            return not_sealed(version)


def already_sealed(reference: str, digest: Digest | None) -> AlreadySealedError:
    """Return the refusal of other bytes for a version that has some."""
    return AlreadySealedError(
        "is sealed, and a digest is final",
        field="reference",
        value=reference,
        remedy=f"It has {digest}; register other bytes as another version"
        if digest
        else "`pedigree show` shows its digest",
    )


def _subject(version: ModelVersion, hole: str) -> dict[str, Any]:
    name = version.model_name
    return {"hole": hole, "name": name, "name_key": name_key(name), "number": version.version_id}


def _acting(actor: Actor) -> dict[str, str]:
    return {"actor": actor.name, "actor_source": actor.source}
