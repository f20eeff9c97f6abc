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
from pedigree.server.mlflow.records import ModelAnswer, VersionAnswer, tag_answers
from pedigree.server.mlflow.routes import MlflowCall
from pedigree.server.point_reads import PipedRead

_SQL = load_queries(__package__)
_VERSION = PipedRead.of(_SQL["shown_version"])
_HOLDER = PipedRead.of(_SQL["shown_holder"])
_NEWEST = PipedRead.of(_SQL["shown_newest"])
MLFLOW_READS = (_VERSION, _HOLDER, _NEWEST)
"""What the pipe of a process must know."""

_MOST_VERSION = 2**31 - 1
_NONE = "[]"
_STATUSES: Mapping[str, str] = {
    SealState.SEALED: "READY",
    SealState.REFERENCE: "READY",
    SealState.PENDING: "PENDING_REGISTRATION",
    SealState.FAILED: "FAILED_REGISTRATION",
}
_WITH_REASON = (SealState.PENDING, SealState.FAILED)
_LATEST = "latest"


class AskedVersions(NamedTuple):
    """Which versions of a model are read: the newest of each stage, unless one is named.

    Attributes:
        name: The model.
        version: One number.
        alias: The version that has an alias, or the newest one in a stage of this name.
    """

    name: str
    version: int | None = None
    alias: str | None = None

    @property
    def read(self) -> PipedRead:
        """The statement."""
        if self.version is not None:
            return _VERSION
        return _NEWEST if self.alias is None else _HOLDER

    @property
    def values(self) -> Mapping[str, object]:
        """The parameters of the statement."""
        key = name_key(self.name)
        if self.version is not None:
            is_possible = 0 <= self.version <= _MOST_VERSION
            return {"name_key": key, "version": self.version if is_possible else 0}
        return {"name_key": key} if self.alias is None else {"name_key": key, "alias": self.alias}


async def shown_on_loop(call: MlflowCall, asked: AskedVersions) -> list[TextRow]:
    """Return the rows of a model on the event loop.

    Raises:
        ModelNotFoundError: No model has the name.
        NotPermittedError: The caller may not read it.
    """
    call.registry.context.require(Permission.READ, asked.name)
    return _found(asked, await call.point_reads.rows(call.registry, asked.read, asked.values))


def shown_now(registry: Registry, asked: AskedVersions) -> list[TextRow]:
    """Return the same in this thread."""
    registry.context.require(Permission.READ, asked.name)
    return _found(asked, asked.read.now(registry, asked.values))


def one_version(rows: list[TextRow], asked: AskedVersions) -> VersionAnswer:
    """Return the version that was asked for.

    Raises:
        VersionNotFoundError: There is none of the number.
        AliasNotFoundError: There is none with the alias.
    """
    require_some(rows, asked)
    return max(versions_in(rows), key=lambda each: int(each["version"]))


def require_some(rows: list[TextRow], asked: AskedVersions) -> None:
    """Require that some rows have a version.

    Raises:
        VersionNotFoundError: There is none of the number.
        AliasNotFoundError: There is none with the alias.
    """
    if rows[0]["version"] is not None:
        return
    if asked.alias is None:
        raise version_not_found(asked.name, _LATEST if asked.version is None else asked.version)
    raise AliasNotFoundError(
        "no version has this alias",
        field="alias",
        value=asked.alias,
        remedy=f"`pedigree versions {asked.name}` shows the stages and aliases",
    )


def versions_in(rows: list[TextRow], *, aliases: bool = True) -> list[VersionAnswer]:
    """Return the versions of some rows, with their aliases if these are wanted."""
    return [
        _version(row, _held_by(row) if aliases else [])
        for row in rows
        if row["version"] is not None
    ]


def newest_in(rows: list[TextRow], *, aliases: bool) -> list[VersionAnswer]:
    """Return the newest version of each stage as clients see them."""
    newest: dict[str, VersionAnswer] = {}
    for version in versions_in(rows, aliases=aliases):
        known = newest.get(version["current_stage"])
        if known is None or int(known["version"]) < int(version["version"]):
            newest[version["current_stage"]] = version
    return list(newest.values())


def model_in(rows: list[TextRow]) -> ModelAnswer:
    """Return the model of rows that have its newest versions."""
    row = rows[0]
    shown: ModelAnswer = {
        "name": _text(row, "name"),
        "creation_timestamp": int(_text(row, "created_ms")),
        "last_updated_timestamp": int(_text(row, "updated_ms")),
    }
    if row["description"]:
        shown["description"] = row["description"]
    if versions := newest_in(rows, aliases=False):
        shown["latest_versions"] = versions
    if tags := tag_answers(from_json(_text(row, "tags"))):
        shown["tags"] = tags
    if aliases := _aliases_in(row):
        shown["aliases"] = [{"alias": name, "version": str(held)} for name, held in aliases]
    return shown


def _found(asked: AskedVersions, rows: list[TextRow]) -> list[TextRow]:
    if not rows or rows[0]["name"] != asked.name:
        raise model_not_found(asked.name)
    return rows


def _version(row: TextRow, aliases: list[str]) -> VersionAnswer:
    state = _text(row, "state")
    shown: VersionAnswer = {
        "name": _text(row, "name"),
        "version": _text(row, "version"),
        "creation_timestamp": int(_text(row, "version_created_ms")),
        "last_updated_timestamp": int(_text(row, "version_updated_ms")),
        "current_stage": _shown_stage(row["policy"], _text(row, "stage")),
        "source": row["source"] or "",
        "status": _STATUSES[state],
    }
    if (description := row["version_description"]) is not None:
        shown["description"] = description
    if (run_id := row["run_id"]) is not None:
        shown["run_id"] = run_id
    if (run_link := row["run_link"]) is not None:
        shown["run_link"] = run_link
    if state in _WITH_REASON and (reason := row["state_reason"]) is not None:
        shown["status_message"] = reason
    if tags := tag_answers(from_json(_text(row, "version_tags"))):
        shown["tags"] = tags
    if aliases:
        shown["aliases"] = aliases
    return shown


def _held_by(row: TextRow) -> list[str]:
    """Return the aliases of the version of a row."""
    if (held := row.get("version_aliases")) is not None:
        return from_json(held) if held != _NONE else []
    return [alias for alias, version in _aliases_in(row) if str(version) == row["version"]]


def _aliases_in(row: TextRow) -> list[tuple[str, int]]:
    return [(alias, version) for alias, version in from_json(_text(row, "aliases"))]


@lru_cache(maxsize=1024)  # models share few policies, and each read would parse one
def _shown_stage(policy: str | None, stage: str) -> str:
    if stage == NO_STAGE:
        return MlflowStage.NONE
    return shown_stage(read_policy(from_json(policy) if policy else None), stage)


def _text(row: TextRow, column: str) -> str:
    value = row[column]
    assert value is not None, column
    return value
