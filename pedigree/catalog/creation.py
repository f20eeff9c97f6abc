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
from pedigree.catalog.creation_rows import (
    artifact_row,
    event_row,
    stated_body,
    stored_row,
    training_rows,
    version_row,
)
from pedigree.catalog.draft import Draft
from pedigree.catalog.kept_answers import KEPT, KeptRequest
from pedigree.catalog.names import name_key
from pedigree.catalog.records import ModelVersion, Registration
from pedigree.lineage.store import lineage_rows


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
            training_id=again.training_id if again else self._training_id,
            notice="; ".join(filter(None, notices)) or None,
        )

    @cached_property
    def document(self) -> dict[str, Any]:
        """The document, without what the bytes need."""
        wanted, marks = self.draft.wanted, self.draft.marks
        document: dict[str, Any] = {
            "hole": self.hole,
            "name": wanted.name,
            "name_key": name_key(wanted.name),
            "session": wanted.session,
            "events": self._events,
            **self._of_bytes,
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
        stored = [stored_row(each) for each in supply.stored]
        return {**self.document, "upload": supply.upload_id, "stored": stored}

    @property
    def _of_bytes(self) -> dict[str, Any]:
        """Return the artifact, if the registry has it, and where another protocol says it is."""
        wanted = self.draft.wanted
        rows: dict[str, Any] = {}
        if wanted.manifest is not None:
            rows["artifact"] = artifact_row(wanted.manifest)
        if wanted.sourced is not None:
            rows |= {"copy": "next", "source": wanted.sourced.source.model_dump()}
        if wanted.unsealed is not None:
            rows |= {"state": wanted.unsealed.state, "state_reason": wanted.unsealed.state_reason}
        return rows

    @property
    def _of_version(self) -> dict[str, Any]:
        """Return the rows of the version and its training; none for a repeated training."""
        known, again = self.draft.look.known, self.draft.further
        if again is not None and known is not None:
            same = {"known": {"version": known.version.version_id, "state": known.state}}
            return {**same, **self._of_training} if again.is_new else same
        rows: dict[str, Any] = {
            "version": version_row(self.draft.wanted.new.metadata),
            **self._of_training,
        }
        if self.draft.look.is_new_model:
            rows["new_model"] = self._event(EventType.MODEL_CREATED, {}, version=None)
        return rows

    @property
    def _of_training(self) -> dict[str, Any]:
        if self._training_id is None:
            return {}
        further = self.draft.further
        restated = further.restated if further else 0
        return training_rows(self.draft.wanted.new, self._training_id, restated=restated)

    @property
    def _training_id(self) -> str | None:
        return self.draft.training_id if self.draft.wanted.new.has_training else None

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
        wanted = self.draft.wanted
        digest = wanted.manifest.digest if wanted.manifest else None
        body = stated_body(wanted.new, digest, self._training_id)
        if wanted.unsealed is not None:
            body |= {
                "state": wanted.unsealed.state.value,
                "state_reason": wanted.unsealed.state_reason,
            }
        if wanted.sourced is not None:
            body["source"] = wanted.sourced.source.source
        return body

    @property
    def _entered(self) -> dict[str, JsonValue]:
        return {
            "from": self.draft.version.stage,
            "to": self.judgement.stage if self.judgement else None,
            "previous_version": None,
            "digest": self.draft.version.digest,
            "reason": None,
            "run_id": None,
            "policy_revision": self.draft.look.model.policy_revision,
            "generation": f"{self.hole}generation",
            "voided": f"{self.hole}voided",
        }

    def _event(
        self, kind: EventType, body: Mapping[str, JsonValue], *, version: str | None = "version"
    ) -> dict[str, str]:
        """Return an event whose RFC 8785 text lacks only the values of the holes."""
        return event_row(self.draft.wanted.name, self.hole, kind, body, version=version)

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
