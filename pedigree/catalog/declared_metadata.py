"""Metadata that callers state field by field, completed from this process's environment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, TypedDict

from pydantic import JsonValue

from pedigree._values import JSON, NUMBERS, Key, TagTexts, Texts
from pedigree.artifacts.records import Digest
from pedigree.catalog.metadata_fields import RiskClass
from pedigree.errors import InvalidMetadataError
from pedigree.lineage.code import CodeState, current_code
from pedigree.lineage.run import current_build, current_run
from pedigree.settings import Settings
from pedigree.signatures.records import Signature


@dataclass(frozen=True, kw_only=True)
class StatedMetadata:
    """The fields of :class:`DeclaredMetadata` that a training function states about its model."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    params: Mapping[str, JsonValue] = field(default_factory=dict)
    signature: Signature | None = None
    training_data_version: str | None = None
    description: str | None = None
    owners: Sequence[str] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    datasheet_uri: str | None = None
    ci_build: str | None = None
    drift_monitor_id: str | None = None
    risk_class: RiskClass | None = None
    risk_assessment_id: str | None = None

    def stated(self) -> dict[str, object]:
        """Return these fields by name."""
        return {each.name: getattr(self, each.name) for each in fields(StatedMetadata)}


class DeclaredFields(TypedDict, total=False):
    """The fields of :class:`DeclaredMetadata` that are keyword arguments of ``register``."""

    signature: Signature | None
    run_id: Key | None
    git_commit: str | None
    git_dirty: bool
    code_version: str | None
    training_data_digest: str | None
    training_data_version: str | None
    validation_dataset_id: str | None
    metrics: Annotated[Mapping[str, float], NUMBERS]
    params: Annotated[Mapping[str, JsonValue], JSON]
    environment_hash: Digest | None
    ci_build: str | None
    drift_monitor_id: str | None
    datasheet_uri: str | None
    description: str | None
    owners: Texts | list[str]
    tags: TagTexts
    risk_class: RiskClass | None
    risk_assessment_id: str | None


def declared_here(declared: DeclaredFields, settings: Settings) -> dict[str, object]:
    """Return the fields, completed with the run, the CI build and the commit of this process.

    Raises:
        InvalidMetadataError: The run or the commit is not stated, and this process cannot find it.
    """
    stated = {name: value for name, value in declared.items() if value is not None}
    return {
        "run_id": stated.get("run_id") or _run(settings),
        "ci_build": current_build(),
        **code_of(declared.get("git_commit"), settings).model_dump(),
        **stated,
    }


def code_of(git_commit: str | None, settings: Settings) -> CodeState:
    """Return the commit that the caller states, or else the commit of the running code.

    Raises:
        InvalidMetadataError: It is not stated, and this process cannot find it.
    """
    if git_commit:
        return CodeState(git_commit=git_commit, git_dirty=settings.git_dirty, git_source="caller")
    return current_code(settings, Path.cwd())


def _run(settings: Settings) -> str:
    if run := current_run(settings):
        return run
    raise InvalidMetadataError(
        "the run that made the version is required",
        field="run_id",
        remedy="Give run_id=…, or set PEDIGREE_RUN_ID; a CI job uses the variable of the CI",
    )
