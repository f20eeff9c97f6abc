"""The look before a registration: what the database knows about it, read by one statement."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple, Self

from pedigree.artifacts.records import Blob, Digest
from pedigree.artifacts.store import StoredBlob
from pedigree.catalog.records import ModelVersion
from pedigree.catalog.rows import version_from_search_row


class SeenModel(NamedTuple):
    """A model's row, without a lock."""

    model_id: int
    name: str
    next_version: int
    generation: int
    policy: dict[str, Any] | None
    policy_revision: int
    is_deleted: bool
    is_aliased: bool
    """Whether an alias has the name of the stage that new versions enter."""


NO_MODEL = SeenModel(0, "", 1, 0, None, 0, is_deleted=False, is_aliased=False)
"""The row of a model that does not exist yet."""


class SeenChampion(NamedTuple):
    """The version that holds production; its record is None if search lacks it."""

    state: str
    """Its number and digest, as the database compares them."""
    version: ModelVersion | None


class KnownVersion(NamedTuple):
    """The version that already has the bytes, and the trainings that the run already has on it."""

    version: ModelVersion
    state: str
    trainings: tuple[Mapping[str, Any], ...]


class Look(NamedTuple):
    """What the database knew about a registration before it."""

    at: datetime
    model: SeenModel
    is_new_model: bool
    champion: SeenChampion | None
    known: KnownVersion | None
    live: Mapping[Digest, StoredBlob]
    """The live ones of the artifact's blobs."""
    unread: frozenset[Digest]
    """The blobs that the caller neither sent nor may read, if the caller must prove it."""
    has_quarantines: bool
    """Whether data is in quarantine on which the training may depend."""
    has_policy_defaults: bool
    """Whether the model is new, and new models of some pattern get a policy."""
    had_name: bool
    """Whether the model is new, and its name belonged to another one."""

    @classmethod
    def of(cls, seen: Mapping[str, Any]) -> Self:
        """Return the result of ``look_before_creation``."""
        model = SeenModel(**seen["model"]) if "model" in seen else NO_MODEL
        return cls(
            at=datetime.fromisoformat(seen["at"]),
            model=model,
            is_new_model="model" not in seen,
            champion=_champion(seen.get("champion"), model),
            known=_known(seen, model),
            live={row["digest"]: _stored(row) for row in seen["live"]},
            unread=frozenset(seen["unread"]),
            has_quarantines=seen["quarantines"],
            has_policy_defaults=seen["defaults"],
            had_name=seen["had"],
        )

    def missing(self, digests: Collection[Digest]) -> frozenset[Digest]:
        """Return the digests whose bytes must still be sent."""
        return frozenset(digests) - (self.live.keys() - self.unread)


def _stored(row: Mapping[str, Any]) -> StoredBlob:
    return StoredBlob(Blob(row["digest"], row["size"]), row["key"])


def _champion(row: Mapping[str, Any] | None, model: SeenModel) -> SeenChampion | None:
    if row is None:
        return None
    state = f"{row['version']} {row['digest'] or 'unsealed'}"
    return SeenChampion(state, _version(row, model))


def _known(seen: Mapping[str, Any], model: SeenModel) -> KnownVersion | None:
    row = seen.get("known")
    version = _version(row, model) if row else None
    if row is None or version is None:
        return None
    return KnownVersion(version, row["state"], tuple(seen["trainings"]))


def _version(row: Mapping[str, Any], model: SeenModel) -> ModelVersion | None:
    if row["record"] is None:
        return None
    return version_from_search_row({**row, "generation": model.generation})
