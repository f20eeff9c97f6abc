"""Records as rows of the catalog: lock its models, write its versions and trainings."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb
from pydantic import JsonValue

from pedigree.audit import log
from pedigree.audit.records import Actor, EventType
from pedigree.catalog.metadata_fields import about_fields
from pedigree.catalog.names import name_key, validate_name
from pedigree.catalog.records import (
    DeclaredMetadata,
    NewVersion,
)
from pedigree.errors import (
    ModelNotFoundError,
    NameTakenError,
    VersionNotFoundError,
)
from pedigree.postgres.queries import load_queries, with_columns
from pedigree.postgres.transaction import Transaction
from pedigree.signatures.records import Signature

SQL = load_queries(__package__)

_FIELDS = about_fields(DeclaredMetadata)
VERSION_FIELDS = tuple(name for name, about in _FIELDS.items() if about.shown)
TRAINING_FIELDS = tuple(name for name, about in _FIELDS.items() if about.trained)
_INSERT_VERSION = with_columns(SQL["insert_version"], VERSION_FIELDS)
_INSERT_TRAINING = with_columns(SQL["insert_training"], TRAINING_FIELDS)


class LockedModel(NamedTuple):
    """A model whose row a transaction has locked, and the time of the lock."""

    transaction: Transaction
    model_id: int
    name: str
    next_version: int
    generation: int
    policy: dict[str, Any] | None
    policy_revision: int
    deleted_at: datetime | None
    at: datetime

    def record(
        self,
        event_type: EventType,
        *bodies: Mapping[str, JsonValue],
        version: int | None = None,
        actor: Actor,
    ) -> None:
        """Write the event of a change to the model, or to one of its versions, with the change.

        Several bodies become several events of the type, in order.
        """
        log.record(
            self.transaction,
            event_type,
            *bodies,
            model=self.name,
            version=version,
            at=self.at,
            actor=actor,
        )


def lock_model(transaction: Transaction, name: str) -> LockedModel:
    """Lock a living model.

    Raises:
        InvalidNameError: The name breaks the rule.
        ModelNotFoundError: No model has the name, or it was deleted.
    """
    model = lock_any_model(transaction, name)
    if model.deleted_at is not None:
        raise model_not_found(name)
    return model


def lock_any_model(transaction: Transaction, name: str) -> LockedModel:
    """Lock a model, also a deleted one.

    Raises:
        InvalidNameError: The name breaks the rule.
        ModelNotFoundError: There never was a model with this name.
    """
    model = _lock(transaction, validate_name(name))
    if model is None or model.name != name:
        raise model_not_found(name)
    return model


def lock_or_create_model(transaction: Transaction, name: str, actor: Actor) -> LockedModel:
    """Lock a model; create it first if it does not exist.

    Raises:
        InvalidNameError: The name breaks the rule.
        NameTakenError: An equivalent name exists, or a model of this name was deleted.
    """
    model = _lock(transaction, validate_name(name)) or create_model(transaction, name, actor)[0]
    _require_own(name, model.name, model.deleted_at)
    return model


def require_registrable(transaction: Transaction, name: str) -> None:
    """Refuse a name under which no version can be registered at present.

    Raises:
        InvalidNameError: The name breaks the rule.
        NameTakenError: An equivalent name exists, or a model of this name was deleted.
    """
    key = {"name_key": name_key(validate_name(name))}
    if row := transaction.execute(SQL["name_of_key"], key).fetchone():
        _require_own(name, row["name"], row["deleted_at"])


def _require_own(name: str, known: str, deleted_at: datetime | None) -> None:
    if known != name:
        raise NameTakenError(
            f"differs only by case or by the form of its characters from the model {known!r}",
            field="name",
            value=name,
            remedy=f"Use {known!r}, or another name",
        )
    if deleted_at is not None:
        raise NameTakenError(
            "belonged to a deleted model, and names are never used again",
            field="name",
            value=name,
            remedy="Choose another name",
        )


def _lock(transaction: Transaction, name: str) -> LockedModel | None:
    row = transaction.execute(SQL["lock_model"], {"name_key": name_key(name)}).fetchone()
    return LockedModel(transaction, **row) if row else None


def create_model(transaction: Transaction, name: str, actor: Actor) -> tuple[LockedModel, bool]:
    """Create a model unless its name, or an equivalent one, is taken; lock it.

    Raises:
        InvalidNameError: The name breaks the rule.
    """
    validate_name(name)
    created = transaction.execute(
        SQL["create_model"],
        {"name": name, "name_key": name_key(name), "created_by": actor.name},
    ).fetchone()
    model = _lock(transaction, name)
    if model is None:
        raise model_not_found(name)
    if created:
        log.record(
            transaction,
            EventType.MODEL_CREATED,
            {},
            model=name,
            at=created["created_at"],
            actor=actor,
        )
    return model, created is not None


def insert_version(
    transaction: Transaction,
    model: LockedModel,
    digest: str,
    metadata: DeclaredMetadata,
    actor: Actor,
) -> int:
    """Insert a version of an artifact under the model's next number, and return the number."""
    transaction.execute(
        _INSERT_VERSION,
        {
            "model_id": model.model_id,
            "version": model.next_version,
            "digest": digest,
            **_columns(metadata, VERSION_FIELDS),
            "at": model.at,
            "actor": actor.name,
            "actor_source": actor.source,
        },
    )
    return model.next_version


def insert_training(
    transaction: Transaction,
    model: LockedModel,
    version: int,
    training_id: str,
    new: NewVersion,
    *,
    actor: Actor,
    restated: int,
) -> None:
    """Add a training to a version.

    Args:
        transaction: Where to write.
        model: The version's model.
        version: The version's number.
        training_id: The id of the training.
        new: The metadata of the training.
        actor: Who registers it.
        restated: How many trainings of the same step and run exist, with other metadata.
    """
    metadata, origin = new.metadata, new.origin
    if metadata.environment_hash and new.environment:
        transaction.execute(
            SQL["insert_environment"],
            {"hash": metadata.environment_hash, "packages": list(new.environment)},
        )
    transaction.execute(
        _INSERT_TRAINING,
        {
            "training_id": training_id,
            "model_id": model.model_id,
            "version": version,
            "restated": restated,
            **_columns_of_training(new),
            "at": model.at,
            "actor": actor.name,
            "actor_source": actor.source,
        },
    )
    if origin.instance_id and origin.asset:
        transaction.execute(
            SQL["await_materialization"],
            {"training_id": training_id, "instance_id": origin.instance_id, "at": model.at},
        )


def _columns_of_training(new: NewVersion) -> dict[str, object]:
    origin = new.origin
    return {
        **origin.model_dump(),
        "config": None if origin.config is None else Jsonb(origin.config),
        **_columns(new.metadata, TRAINING_FIELDS),
        "verification": Jsonb(new.verification.model_dump(mode="json")),
        "raced": new.lineage.raced,
        "lineage_recorded": bool(new.lineage.nodes),
    }


def _columns(metadata: DeclaredMetadata, names: Collection[str]) -> dict[str, object]:
    """Return fields of the metadata as Postgres takes them."""
    return {name: _column(getattr(metadata, name)) for name in names}


def _column(value: object) -> object:
    if isinstance(value, Signature):
        return Jsonb(value.model_dump(mode="json"))
    if isinstance(value, dict):
        return Jsonb(value)
    return list(value) if isinstance(value, tuple) else value


def model_not_found(name: str) -> ModelNotFoundError:
    """Return the error for a name that no living model has."""
    return ModelNotFoundError(
        "no registered model has this name",
        field="name",
        value=name,
        remedy="`pedigree models` lists all models",
    )


def version_not_found(name: str, version: int | str) -> VersionNotFoundError:
    """Return the error for a number that does not exist, or whose version was deleted."""
    return VersionNotFoundError(
        "no such version exists, or it was deleted",
        field="reference",
        value=f"{name}/{version}",
        remedy=f"`pedigree versions {name}` lists all versions",
    )
