"""The two statements of a registration: the look, and the call that writes all of it.

Each is a transaction of its own, so no lock is held while this process works.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from pydantic_core import to_json

from pedigree.artifacts.assemble import bytes_missing
from pedigree.artifacts.records import Digest
from pedigree.artifacts.store import BlobCollectedError
from pedigree.catalog.creation import Creation, Filled, Supply
from pedigree.catalog.creation_look import Look
from pedigree.catalog.draft import WantedVersion, digests_of
from pedigree.catalog.kept_answers import (
    KeptAnswer,
    kept_answer,
    request_in_flight,
)
from pedigree.catalog.names import name_key
from pedigree.catalog.records import Registration
from pedigree.catalog.store import (
    SQL,
    model_not_found,
    name_problem,
    name_was_had,
    names_judged,
    require_own_name,
)
from pedigree.errors import PedigreeError
from pedigree.postgres.database import Database


class StaleLookError(PedigreeError):
    """What a registration relies on has changed since the look: look again.

    Private: the caller of :func:`create` handles it.
    """

    def __init__(self, name: str) -> None:
        super().__init__(
            "other changes of the model came in between each time",
            field="name",
            value=name,
            remedy="Register it again",
        )


class Created(NamedTuple):
    """A registration, and the answer that is kept with it if the request has a key."""

    registration: Registration | None
    """None if an earlier request with the key has registered it."""
    answer: KeptAnswer | None = None

    def new(self) -> Registration:
        """Return the registration, which a request without a key always has.

        Raises:
            ValueError: An earlier request with the key has registered it.
        """
        if self.registration is None:
            raise ValueError("an earlier request with the key has registered it")
        return self.registration


class Stages(NamedTuple):
    """The stages that a registration looks at."""

    candidate: str
    champion: str


def look(
    database: Database, wanted: WantedVersion, stages: Stages, *, proves: bool
) -> Look | KeptAnswer:
    """Return what the database knows; or the answer of an earlier request with the same key.

    Args:
        database: Where to look.
        wanted: The registration.
        stages: The stage that new versions enter, and that of the champion.
        proves: Whether the caller must have sent the bytes, or may read a version that has them.

    Raises:
        KeyReusedError: The key belongs to another request.
        NameTakenError: The name exists in another case or form, or belonged to another model.
        ModelNotFoundError: A version of another protocol, whose model must exist.
    """
    new = wanted.new
    asked = {
        "name": wanted.name,
        "name_key": name_key(wanted.name),
        "artifact": wanted.manifest.digest if wanted.manifest else None,
        "copies": wanted.sourced is not None,
        "digests": digests_of(wanted.manifest),
        "run_id": new.metadata.run_id,
        "step_key": new.origin.step_key,
        "has_lineage": bool(new.lineage.nodes),
        "session": wanted.session,
        "proves": proves,
        **stages._asdict(),
    }
    if wanted.request is not None:
        asked |= {"principal": wanted.request.principal, "key": wanted.request.key}
    row = database.call(SQL["look_before_creation"], {"asked": to_json(asked).decode()})
    seen: Mapping[str, Any] = row["seen"]
    if wanted.request is not None and "kept" in seen:
        return kept_answer(seen["kept"], wanted.request)
    found = Look.of(seen)
    if wanted.sourced is not None and (found.is_new_model or found.model.is_deleted):
        raise model_not_found(wanted.name)
    if found.had_name:
        raise name_was_had(wanted.name)
    if not found.is_new_model:
        require_own_name(wanted.name, found.model.name, is_deleted=found.model.is_deleted)
    return found


def create(database: Database, creation: Creation, supply: Supply) -> Created:
    """Register the version, or the training, that a document describes.

    Raises:
        StaleLookError: The look is out of date.
        BytesMissingError: The registry lacks some of the listed files.
        BlobCollectedError: Bytes that an upload found live, or stored, were collected.
        NameTakenError: The name was taken since the look.
        RequestInFlightError: A request with the key is in progress.
        KeyReusedError: The key belongs to another request.
    """
    wanted = creation.draft.wanted
    values = {
        "document": to_json(creation.supplied(supply)).decode(),
        "manifest": wanted.manifest.canonical if wanted.manifest else None,
        "actor": wanted.actor.name,
        "actor_source": wanted.actor.source,
    }
    with names_judged(wanted.name):
        done: Mapping[str, Any] = database.call(SQL["create_version"], values)["done"]
    if wanted.request is not None and "kept" in done:
        return Created(None, kept_answer(done["kept"], wanted.request))
    if "refused" in done:
        raise _refusal(done, wanted)
    registration = creation.registration(
        Filled(done["version"], datetime.fromisoformat(done["at"]), done["generation"])
    )
    return Created(registration, _answered(creation, done["answer"]))


def _answered(creation: Creation, answer: Mapping[str, Any] | None) -> KeptAnswer | None:
    if answer is None:
        return None
    status = creation.document["request"]["status"]
    return KeptAnswer(status, answer["headers"], answer["body"].encode(), is_replayed=False)


def _refusal(done: Mapping[str, Any], wanted: WantedVersion) -> PedigreeError:
    match done["refused"]:
        case "in flight" if wanted.request is not None:
            return request_in_flight(wanted.request.key)
        case "missing":
            return _missing(done["digests"], wanted)
        case "name":
            problem = name_problem(wanted.name, done["name"], is_deleted=done["is_deleted"])
            return problem or StaleLookError(wanted.name)
        case _:
            return StaleLookError(wanted.name)


def _missing(digests: Collection[Digest], wanted: WantedVersion) -> PedigreeError:
    return bytes_missing(digests) if wanted.is_listed else BlobCollectedError(min(digests))
