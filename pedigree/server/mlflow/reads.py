"""Reads of one model with some of its versions: one statement, on the event loop or in a thread."""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from pydantic_core import from_json

from pedigree.access.records import Permission
from pedigree.catalog.names import name_key
from pedigree.catalog.records import SealState
from pedigree.catalog.store import model_not_found, version_not_found
from pedigree.errors import AliasNotFoundError
from pedigree.lifecycle.policy import read_policy
from pedigree.lifecycle.records import NO_STAGE
from pedigree.lifecycle.shown_stages import shown_stage
from pedigree.lifecycle.stage_names import MlflowStage
from pedigree.postgres.pipe_statements import TextRow
from pedigree.postgres.queries import load_queries
from pedigree.registry import Registry
from pedigree.server.mlflow.records import (
    AliasAnswer,
    ModelAnswer,
    VersionAnswer,
    tag_answers,
)
from pedigree.server.mlflow.routes import MlflowCall
from pedigree.server.point_reads import PipedRead

_SHOWN = PipedRead.of(load_queries(__package__)["shown"])
MLFLOW_READS = (_SHOWN,)
"""What the pipe of a process must know."""

_MOST_VERSION = 2**31 - 1
_STATUSES = {
    SealState.SEALED: "READY",
    SealState.REFERENCE: "READY",
    SealState.PENDING: "PENDING_REGISTRATION",
    SealState.FAILED: "FAILED_REGISTRATION",
}
_WITH_REASON = (SealState.PENDING, SealState.FAILED)
_LATEST = "latest"


class AskedVersions(NamedTuple):
    """Which versions of a model are read.

    Attributes:
        name: The model.
        version: One number.
        alias: The version that has an alias, or the newest one in a stage of this name.
        newest: The newest version of each stage.
    """

    name: str
    version: int | None = None
    alias: str | None = None
    newest: bool = False

    @property
    def values(self) -> Mapping[str, object]:
        """The parameters of the statement."""
        number = self.version
        if number is not None and not 0 <= number <= _MOST_VERSION:
            number = 0  # no version has it
        return {
            "name_key": name_key(self.name),
            "version": number,
            "alias": self.alias,
            "newest": self.newest,
        }


async def shown_on_loop(call: MlflowCall, asked: AskedVersions) -> list[TextRow]:
    """Return the rows of a model on the event loop.

    Raises:
        ModelNotFoundError: No model has the name.
        NotPermittedError: The caller may not read it.
    """
    call.registry.context.require(Permission.READ, asked.name)
    return _found(asked, await call.point_reads.rows(call.registry, _SHOWN, asked.values))


def shown_now(registry: Registry, asked: AskedVersions) -> list[TextRow]:
    """Return the same in this thread."""
    registry.context.require(Permission.READ, asked.name)
    return _found(asked, _SHOWN.now(registry, asked.values))


def one_version(rows: list[TextRow], asked: AskedVersions) -> VersionAnswer:
    """Return the version that was asked for.

    Raises:
        VersionNotFoundError: There is none of the number.
        AliasNotFoundError: There is none with the alias.
    """
    versions = versions_in(rows)
    if versions:
        return max(versions, key=lambda each: int(each.version))
    if asked.alias is None:
        raise version_not_found(asked.name, _LATEST if asked.version is None else asked.version)
    raise AliasNotFoundError(
        "no version has this alias",
        field="alias",
        value=asked.alias,
        remedy=f"`pedigree versions {asked.name}` shows the stages and aliases",
    )


def versions_in(rows: list[TextRow], *, aliases: bool = True) -> tuple[VersionAnswer, ...]:
    """Return the versions of some rows, with their aliases if these are wanted."""
    held = _aliases_in(rows[0]) if aliases else ()
    return tuple(_version(row, held) for row in rows if row["version"] is not None)


def newest_in(rows: list[TextRow], *, aliases: bool) -> tuple[VersionAnswer, ...]:
    """Return the newest version of each stage as clients see them."""
    newest: dict[str, VersionAnswer] = {}
    for version in versions_in(rows, aliases=aliases):
        known = newest.get(version.current_stage)
        if known is None or int(known.version) < int(version.version):
            newest[version.current_stage] = version
    return tuple(newest.values())


def model_in(rows: list[TextRow]) -> ModelAnswer:
    """Return the model of rows that have its newest versions."""
    row = rows[0]
    aliases = tuple(AliasAnswer(alias=a, version=str(v)) for a, v in _aliases_in(row))
    return ModelAnswer(
        name=_text(row, "name"),
        creation_timestamp=int(_text(row, "created_ms")),
        last_updated_timestamp=int(_text(row, "updated_ms")),
        description=row["description"] or None,
        latest_versions=newest_in(rows, aliases=False) or None,
        tags=tag_answers(from_json(_text(row, "tags"))),
        aliases=aliases or None,
    )


def _found(asked: AskedVersions, rows: list[TextRow]) -> list[TextRow]:
    if not rows or rows[0]["name"] != asked.name:
        raise model_not_found(asked.name)
    return rows


def _version(row: TextRow, aliases: tuple[tuple[str, int], ...]) -> VersionAnswer:
    number = _text(row, "version")
    state = SealState(_text(row, "state"))
    held = tuple(alias for alias, version in aliases if str(version) == number)
    return VersionAnswer(
        name=_text(row, "name"),
        version=number,
        creation_timestamp=int(_text(row, "version_created_ms")),
        last_updated_timestamp=int(_text(row, "version_updated_ms")),
        description=row["version_description"],
        current_stage=_shown_stage(row["policy"], _text(row, "stage")),
        source=row["source"] or "",
        run_id=row["run_id"],
        run_link=row["run_link"],
        status=_STATUSES[state],
        status_message=row["state_reason"] if state in _WITH_REASON else None,
        tags=tag_answers(from_json(_text(row, "version_tags"))),
        aliases=held or None,
    )


def _aliases_in(row: TextRow) -> tuple[tuple[str, int], ...]:
    text = row["aliases"]
    return tuple((alias, version) for alias, version in from_json(text)) if text else ()


@lru_cache(maxsize=1024)  # models share few policies, and each read would parse one
def _shown_stage(policy: str | None, stage: str) -> str:
    if stage == NO_STAGE:
        return MlflowStage.NONE
    return shown_stage(read_policy(from_json(policy) if policy else None), stage)


def _text(row: TextRow, column: str) -> str:
    value = row[column]
    assert value is not None, column
    return value
