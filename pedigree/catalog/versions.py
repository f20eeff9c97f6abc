"""Register an artifact in the catalog: as a new version, or as a training of an existing one."""

import json
import uuid
from typing import NamedTuple

from pydantic import JsonValue

from pedigree.artifacts.records import Manifest
from pedigree.audit.records import Actor, EventType
from pedigree.catalog.quarantine import quarantine_registered
from pedigree.catalog.records import DeclaredMetadata, NewVersion
from pedigree.catalog.store import (
    SQL,
    TRAINING_FIELDS,
    VERSION_FIELDS,
    LockedModel,
    insert_training,
    insert_version,
    lock_or_create_model,
)
from pedigree.lineage.store import insert_lineage
from pedigree.postgres.transaction import Row, Transaction

# Fields of a version that come from its first training, unless people changed them later.
_OF_VERSION = (
    *(name for name in VERSION_FIELDS if name in TRAINING_FIELDS),
    *("metrics", "params"),
)


class Registered(NamedTuple):
    """The result of a registration in the catalog."""

    version: int
    training_id: str
    created: bool
    notice: str | None


def register_manifest(
    transaction: Transaction, name: str, manifest: Manifest, new: NewVersion, actor: Actor
) -> Registered:
    """Write the version, its training and its lineage; or add the training to the existing version.

    The artifact's rows must be in the same transaction already.

    Raises:
        InvalidNameError: The name breaks the rule.
        NameTakenError: An equivalent name exists, or a model of this name was deleted.
    """
    if new.lineage.nodes:
        # Before the model's lock, in the same order as the creation of a quarantine.
        transaction.execute(SQL["share_quarantines"])
    model = lock_or_create_model(transaction, name, actor)
    return _Registrar(transaction, model, manifest.digest, new, actor).register()


class _Registrar(NamedTuple):
    """One registration, under the model's lock."""

    transaction: Transaction
    model: LockedModel
    digest: str
    new: NewVersion
    actor: Actor

    def register(self) -> Registered:
        known = self.transaction.execute(
            SQL["version_of_digest"], {"model_id": self.model.model_id, "digest": self.digest}
        ).fetchone()
        registered = self._create() if known is None else self._retrain(known)
        return self._look_for_quarantines(registered) if self.new.lineage.nodes else registered

    def _create(self) -> Registered:
        version = insert_version(
            self.transaction, self.model, self.digest, self.new.metadata, self.actor
        )
        training = self._add_training(version)
        self._record(EventType.VERSION_CREATED, version, training)
        return Registered(version, training, created=True, notice=None)

    def _retrain(self, known: Row) -> Registered:
        version = int(known["version"])
        earlier = self.transaction.execute(
            SQL["trainings_of_run"],
            {
                "model_id": self.model.model_id,
                "version": version,
                "run_id": self.new.metadata.run_id,
                "step_key": self.new.origin.step_key,
            },
        ).fetchall()
        # A retry of the same step adds nothing, unless it states other metadata.
        repeated = [row for row in earlier if not _differing(self.new.metadata, row)]
        if repeated:
            training = str(repeated[0]["training_id"])
        else:
            training = self._add_training(version, restated=len(earlier))
            self._record(EventType.VERSION_TRAINED, version, training)
        reference = f"{self.model.name}/{version}"
        not_shown = _differing(self.new.metadata, known)
        notice = _joined(_not_shown(reference, not_shown), _state_notice(reference, known))
        return Registered(version, training, created=False, notice=notice)

    def _look_for_quarantines(self, done: Registered) -> Registered:
        notice = quarantine_registered(
            self.transaction, self.model, done.version, done.training_id, self.actor
        )
        return done._replace(notice=_joined(done.notice, notice))

    def _add_training(self, version: int, *, restated: int = 0) -> str:
        training_id = str(uuid.uuid4())
        insert_training(
            self.transaction,
            self.model,
            version,
            training_id,
            self.new,
            actor=self.actor,
            restated=restated,
        )
        insert_lineage(self.transaction, training_id, self.new.lineage)
        return training_id

    def _record(
        self,
        event_type: EventType,
        version: int,
        training_id: str,
    ) -> None:
        metadata = self.new.metadata
        body: dict[str, JsonValue] = {
            "description": metadata.description,
            "owners": list(metadata.owners),
            "tags": dict(metadata.tags),
            "digest": self.digest,
            "training_id": training_id,
            "run_id": metadata.run_id,
            "git_commit": metadata.git_commit,
            "git_dirty": metadata.git_dirty,
            "training_data_digest": metadata.training_data_digest,
            "environment_hash": metadata.environment_hash,
            "metrics": dict(metadata.metrics),
            "verification": self.new.verification.model_dump(mode="json"),
        }
        self.model.record(event_type, body, version=version, actor=self.actor)


def _not_shown(reference: str, fields: list[str]) -> str | None:
    if not fields:
        return None
    named = ", ".join(fields)
    return _joined(
        f"{reference} has these bytes and keeps its {named}",
        f"the training keeps the {named} given now",
    )


def _differing(stated: DeclaredMetadata, known: Row) -> list[str]:
    """Return the stated fields that differ from a row."""
    given = stated.model_dump(mode="json", include=set(_OF_VERSION))
    return [
        name
        for name in _OF_VERSION
        if given[name] not in (None, [], {}) and _plain(given[name]) != _plain(known[name])
    ]


def _plain(value: object) -> object:
    """Return a value as JSON distinguishes it; Postgres writes 1e300 as an integer."""
    return json.loads(json.dumps(value), parse_int=float)


def _state_notice(reference: str, known: Row) -> str | None:
    if known["quarantine_reason"]:
        return f"{reference} has these bytes and is quarantined: {known['quarantine_reason']}"
    if known["approval_status"] == "rejected":
        return f"{reference} has these bytes and was rejected; it will not be promoted by itself"
    if known["archived"]:
        return f"{reference} has these bytes and is archived; it will not be promoted by itself"
    return None


def _joined(*notices: str | None) -> str | None:
    return "; ".join(filter(None, notices)) or None
