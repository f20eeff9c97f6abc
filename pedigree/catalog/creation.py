"""The document of a registration, for the database's function ``create_version``.

Nothing here reads or writes. The document has whatever is known before the model's row is locked;
for the rest, its texts have holes that the function fills: the number, the time, the generation
and the actor. A hole is a random token with a word, so no text of a caller can be taken for one.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from pydantic import JsonValue

from pedigree.artifacts.records import Digest
from pedigree.artifacts.store import StoredBlob
from pedigree.audit.event_types import EventType
from pedigree.audit.records import canonical_event
from pedigree.catalog.draft import Draft
from pedigree.catalog.kept_answers import KEPT, KeptRequest
from pedigree.catalog.metadata_fields import about_fields
from pedigree.catalog.names import name_key
from pedigree.catalog.records import DeclaredMetadata, ModelVersion, Registration
from pedigree.lineage.store import lineage_rows

_FIELDS = about_fields(DeclaredMetadata)
VERSION_FIELDS = tuple(name for name, about in _FIELDS.items() if about.shown)
TRAINING_FIELDS = tuple(name for name, about in _FIELDS.items() if about.trained)


class DraftJudgement(NamedTuple):
    """What the checks of a new version found before it has a number."""

    verdicts: Sequence[dict[str, JsonValue]]
    policy_revision: int
    champion_stage: str
    champion: str | None
    """The champion's number and digest, with which the checks compared."""
    stage: str | None
    """The stage that the version enters by these verdicts."""


class Supply(NamedTuple):
    """The bytes that an upload stored for the registration, which makes them live."""

    upload_id: UUID | None = None
    stored: Sequence[StoredBlob] = ()
    proved: frozenset[Digest] = frozenset()
    """The blobs whose bytes this process hashed in memory, so that no check reads them again."""


class Filled(NamedTuple):
    """What the database put into the holes."""

    version: int
    at: datetime
    generation: int


@dataclass(frozen=True, kw_only=True)
class Creation:
    """A draft, and what its checks found."""

    draft: Draft
    judgement: DraftJudgement | None = None
    judge_after: timedelta | None = None
    """After how long another process judges the version; None: it is judged now, or not at all."""
    hole: str = field(default_factory=lambda: uuid4().hex)

    def registration(self, filled: Filled) -> Registration:
        """Return the result, equal to what a read finds afterwards."""
        changes: dict[str, Any] = {"generation": filled.generation}
        if self.draft.look.known is None:
            changes |= {"version_id": filled.version, "created_at": filled.at}
        if self.judgement is not None and self.judgement.stage is not None:
            changes |= {"stage": self.judgement.stage, "stage_since": filled.at}
        reference = f"{self.draft.wanted.name}/{filled.version}"
        return self._answer(self.draft.version.model_copy(update=changes), reference)

    def _answer(self, version: ModelVersion, reference: str) -> Registration:
        again = self.draft.further
        notices = (again.notice if again else None, self.draft.marks.notice(reference))
        return Registration.model_construct(
            version=version,
            created=again is None,
            training_id=again.training_id if again else self.draft.training_id,
            notice="; ".join(filter(None, notices)) or None,
        )

    @cached_property
    def document(self) -> dict[str, Any]:
        """The document, without what the bytes need."""
        wanted, marks = self.draft.wanted, self.draft.marks
        manifest = wanted.manifest
        document: dict[str, Any] = {
            "hole": self.hole,
            "name": wanted.name,
            "name_key": name_key(wanted.name),
            "artifact": {
                "digest": manifest.digest,
                "size": manifest.size,
                "files": [{"path": each.path, "digest": each.digest} for each in manifest.files],
            },
            "session": wanted.session,
            "events": self._events,
            **self._of_version,
            **self._of_judgement,
        }
        if wanted.new.lineage.nodes:
            document |= {"quarantines": marks.seen, **lineage_rows(wanted.new.lineage)}
        if self.draft.marks.marked:
            document |= {
                "marks": self.draft.marks.rows,
                "quarantine_reason": self.draft.marks.reason,
            }
        if wanted.request is not None:
            document["request"] = self._request(wanted.request)
        return document

    def supplied(self, supply: Supply) -> dict[str, Any]:
        """Return the document, with the bytes that an upload stored."""
        stored = [{**each.blob._asdict(), "key": each.key} for each in supply.stored]
        return {**self.document, "upload": supply.upload_id, "stored": stored}

    @property
    def _of_version(self) -> dict[str, Any]:
        """Return the rows of the version and its training; none for a repeated training."""
        known, again = self.draft.look.known, self.draft.further
        if again is not None and known is not None:
            same = {"known": {"version": known.version.version_id, "state": known.state}}
            return {**same, **self._of_training} if again.is_new else same
        metadata = self.draft.wanted.new.metadata
        rows: dict[str, Any] = {
            "version": {name: getattr(metadata, name) for name in VERSION_FIELDS},
            **self._of_training,
        }
        if self.draft.look.is_new_model:
            rows["new_model"] = self._event(EventType.MODEL_CREATED, {}, version=None)
        return rows

    @property
    def _of_training(self) -> dict[str, Any]:
        new = self.draft.wanted.new
        metadata, origin = new.metadata, new.origin
        rows: dict[str, Any] = {
            "training": {
                **{name: getattr(metadata, name) for name in TRAINING_FIELDS},
                **origin.model_dump(),
                "training_id": self.draft.training_id,
                "raced": new.lineage.raced,
                "lineage_recorded": bool(new.lineage.nodes),
                "verification": new.verification,
                "restated": self.draft.further.restated if self.draft.further else 0,
            }
        }
        if metadata.environment_hash and new.environment:
            rows["packages"] = new.environment
        if origin.instance_id and origin.asset:
            rows["awaits"] = True
        return rows

    @property
    def _of_judgement(self) -> dict[str, Any]:
        if self.judgement is not None:
            return {"judged": self.judgement._asdict()}
        if self.judge_after is not None:
            return {"judge_later": f"{self.judge_after.total_seconds()} s"}
        return {}

    @property
    def _events(self) -> list[dict[str, str]]:
        again = self.draft.further
        events = []
        if again is None:
            events.append(self._event(EventType.VERSION_CREATED, self._stated))
        elif again.is_new:
            events.append(self._event(EventType.VERSION_TRAINED, self._stated))
        events += [
            self._event(EventType.VERSION_QUARANTINED, body)
            for body in self.draft.marks.event_bodies
        ]
        if self.judgement is not None:
            events += [
                self._event(EventType.VERSION_CHECK_RECORDED, verdict)
                for verdict in self.judgement.verdicts
            ]
            if self.judgement.stage is not None:
                events.append(self._event(EventType.VERSION_STAGE_CHANGED, self._entered))
        return events

    @property
    def _stated(self) -> dict[str, JsonValue]:
        metadata = self.draft.wanted.new.metadata
        return {
            "description": metadata.description,
            "owners": list(metadata.owners),
            "tags": dict(metadata.tags),
            "digest": self.draft.wanted.manifest.digest,
            "training_id": self.draft.training_id,
            "run_id": metadata.run_id,
            "git_commit": metadata.git_commit,
            "git_dirty": metadata.git_dirty,
            "training_data_digest": metadata.training_data_digest,
            "environment_hash": metadata.environment_hash,
            "metrics": dict(metadata.metrics),
            "verification": self.draft.wanted.new.verification.model_dump(mode="json"),
        }

    @property
    def _entered(self) -> dict[str, JsonValue]:
        return {
            "from": self.draft.version.stage,
            "to": self.judgement.stage if self.judgement else None,
            "previous_version": None,
            "digest": self.draft.wanted.manifest.digest,
            "reason": None,
            "run_id": None,
            "policy_revision": self.draft.look.model.policy_revision,
            "generation": f"{self.hole}generation",
            "voided": f"{self.hole}voided",
        }

    def _event(
        self, kind: EventType, body: Mapping[str, JsonValue], *, version: str | None = "version"
    ) -> dict[str, str]:
        """Return an event whose RFC 8785 text lacks only what the holes stand for."""
        event_id = str(uuid4())
        content: dict[str, JsonValue] = {
            "event_id": event_id,
            "type": kind.value,
            "model": self.draft.wanted.name,
            "version": None if version is None else f"{self.hole}{version}",
            "at": f"{self.hole}time",
            "actor": f"{self.hole}actor",
            "body": dict(body),
        }
        canonical = canonical_event(kind, content).decode()
        return {"event_id": event_id, "type": kind.value, "canonical": canonical}

    def _request(self, request: KeptRequest) -> dict[str, Any]:
        hole = self.hole
        changes: dict[str, Any] = {"generation": f"{hole}generation"}
        if self.draft.look.known is None:
            changes |= {
                "version_id": f"{hole}version",
                "created_at": f"{hole}time",
                "created_by": f"{hole}by",
                "created_by_source": f"{hole}source",
            }
        if self.judgement is not None and self.judgement.stage is not None:
            changes |= {"stage": self.judgement.stage, "stage_since": f"{hole}time"}
        version = self.draft.version.model_copy(update=changes)
        reference = f"{self.draft.wanted.name}/{version.version_id}"
        answer = request.answer(self._answer(version, reference))
        return {
            "principal": request.principal,
            "key": request.key,
            "fingerprint": request.fingerprint.hex(),
            "kept": f"{KEPT.total_seconds()} s",
            "status": answer.status,
            "headers": json.dumps(answer.headers),
            "body": answer.body.decode(),
        }
