"""The creation of versions by MLflow's clients, once for each answer that a client has.

A creation whose answer was not written to the socket is met by its repetition: see
:mod:`pedigree.sources.unanswered`.
"""

import dataclasses
import json
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

from pedigree.access.records import Permission
from pedigree.catalog.kept_answers import KeptRequest, NewAnswer
from pedigree.catalog.records import Registration
from pedigree.errors import (
    PedigreeError,
    RequestInFlightError,
    ServiceBusyError,
    VersionNotFoundError,
)
from pedigree.postgres.database import Database
from pedigree.registry.source_versions import IS_PROMPT
from pedigree.registry.sources import NewSource
from pedigree.server.http.auth import requires
from pedigree.server.mlflow.fields import optional, required
from pedigree.server.mlflow.records import OneVersion
from pedigree.server.mlflow.requests import NamedModel, Tag, tag_list
from pedigree.server.mlflow.routes import MlflowCall, MlflowRoutes
from pedigree.server.mlflow.versions import shown_version
from pedigree.server.protocol import WRITTEN
from pedigree.sources import refusals
from pedigree.sources.unanswered import CreationKey, is_unanswered, strike_out

_LOG = logging.getLogger(__name__)

routes = MlflowRoutes()

# Prompts have no files, and clients send one of these instead of a source.
PROMPT_SOURCES = frozenset({"dummy-source", "prompt-template"})
# Others of the same creation may be answered, or deleted, between two looks.
_TRIES = 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class CreatedVersion(NamedModel):
    """A request that creates a version from a source."""

    source: str = required()
    run_id: str | None = optional()
    tags: tuple[Tag, ...] = optional((), rule=tag_list)
    run_link: str = optional("")
    description: str = optional("")
    model_id: str | None = optional()

    @property
    def tag_values(self) -> Mapping[str, str]:
        """The tags; the last one of a key counts."""
        return {tag.key: tag.value for tag in self.tags}

    @property
    def is_prompt(self) -> bool:
        """Whether it is a version of a prompt."""
        return self.tag_values.get(IS_PROMPT, "").lower() == "true"

    @property
    def stated(self) -> NewSource:
        """What it states of the version."""
        return NewSource(
            source=self.source,
            run_id=self.run_id,
            model_id=self.model_id,
            run_link=self.run_link,
            description=self.description,
            tags=self.tag_values,
        )


@routes.post("model-versions/create")
@requires(Permission.REGISTER, model_in_body=True)
def create_version(call: MlflowCall, asked: CreatedVersion) -> OneVersion:
    """Create a version; it is pending as long as its bytes are fetched and judged."""
    if asked.is_prompt and asked.source not in PROMPT_SOURCES:
        raise refusals.prompt_source(asked.source)
    key = CreationKey.of(call.caller.principal.name, dataclasses.asdict(asked))
    answer = _created(call, asked, key)
    _when_written(call, key)
    return answer


def _created(call: MlflowCall, asked: CreatedVersion, key: CreationKey) -> OneVersion:
    """Create the version, or return the one of the same creation that has no answer yet.

    Raises:
        ServiceBusyError: The same creation is in progress, again and again.
    """
    sources = call.registry.operations.sources
    create = sources.reference if asked.is_prompt else sources.create
    database = _database(call)
    for _ in range(_TRIES):
        try:
            created = create(asked.name, asked.stated, _kept(key))
        except RequestInFlightError:
            continue  # it ends within a statement
        if created.registration is not None:
            return shown_version(call, asked.name, created.registration.version.version_id)
        if created.answer is not None and is_unanswered(database, key):
            with suppress(VersionNotFoundError):  # it was deleted since
                return shown_version(call, asked.name, json.loads(created.answer.body)["version"])
            strike_out(database, key)
    raise ServiceBusyError("the same creation is in progress", remedy="Try again in a moment")


def _kept(key: CreationKey) -> KeptRequest:
    """Note a creation with the number of its version, which the database fills in."""

    def answer(done: Registration) -> NewAnswer:
        return NewAnswer(200, {}, json.dumps({"version": done.version.version_id}).encode())

    return KeptRequest(key.principal, key.key, key.fingerprint, answer)


def _when_written(call: MlflowCall, key: CreationKey) -> None:
    """Strike the creation out once its answer is in the socket."""
    state, readers = call.request.scope.get("state", {}), call.request.app.state.readers
    strike = partial(_strike_out, _database(call), key)
    written: list[Callable[[], object]] | None = state.get(WRITTEN)
    if written is None:  # another server than ours, which does not say so
        strike()
    else:
        written.append(partial(readers.submit, strike))


def _strike_out(database: Database, key: CreationKey) -> None:
    try:
        strike_out(database, key)
    except PedigreeError as error:
        _LOG.warning(
            "a creation stays noted as unanswered: %s",
            error,
            extra={"action": "source.unanswered"},
        )


def _database(call: MlflowCall) -> Database:
    database: Database = call.request.app.state.registry.database
    return database
