"""Models and versions of ours in the terms of MLflow, on their way there."""

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from pydantic import JsonValue

from pedigree._record import Record
from pedigree.catalog.records import ModelVersion, RegisteredModel
from pedigree.contract.registry import RegistryContract
from pedigree.lifecycle.records import NO_STAGE
from pedigree.transfer.report import RegistryPart, Reporting

# What MLflow calls the stages that it has.
_STAGES: Mapping[str, str] = MappingProxyType(
    {NO_STAGE: "None", "staging": "Staging", "production": "Production", "archived": "Archived"}
)


class OutgoingModel(Record):
    """A model as MLflow has it."""

    name: str
    description: str
    tags: dict[str, str]
    aliases: dict[str, int]
    created_by: str
    created_at: int
    """In milliseconds since 1970, as MLflow counts."""


class OutgoingVersion(Record):
    """A version as MLflow has it, and what a run of MLflow has of its training."""

    name: str
    number: int
    description: str
    tags: dict[str, str]
    stage: str
    digest: str
    run_id: str | None
    """Of the run that trained it, which need not be one of MLflow."""
    git_commit: str | None
    metrics: dict[str, float]
    params: dict[str, str]
    created_by: str
    created_at: int
    """In milliseconds since 1970, as MLflow counts."""

    @property
    def reference(self) -> str:
        """``churn/3``."""
        return f"{self.name}/{self.number}"


def outgoing_model(model: RegisteredModel) -> OutgoingModel:
    """Return a model in the terms of MLflow."""
    return OutgoingModel(
        name=model.name,
        description=model.description or "",
        tags=dict(model.tags),
        aliases=dict(model.aliases),
        created_by=model.created_by,
        created_at=int(model.created_at.timestamp() * 1000),
    )


def outgoing_versions(
    registry: RegistryContract, name: str, reporting: Reporting
) -> Iterator[OutgoingVersion]:
    """Yield the sealed versions of a model in the terms of MLflow; note what MLflow cannot have."""
    after = None
    while page := registry.versions(name, after=after):
        for version in page:
            if version.digest is None:
                reporting.refuse(
                    RegistryPart.VERSION,
                    version.why_unsealed or "",
                    model=name,
                    version=version.version_id,
                )
            else:
                yield _outgoing(version, version.digest, reporting)
        after = page[-1].version_id


def _outgoing(version: ModelVersion, digest: str, reporting: Reporting) -> OutgoingVersion:
    stage = _STAGES.get(version.stage)
    if stage is None:
        reporting.refuse(
            RegistryPart.STAGE,
            "MLflow has no such stage",
            model=version.model_name,
            version=version.version_id,
            name=version.stage,
        )
    return OutgoingVersion(
        name=version.model_name,
        number=version.version_id,
        description=version.description or "",
        tags=dict(version.tags),
        stage=stage or _STAGES[NO_STAGE],
        digest=digest,
        run_id=version.run_id,
        git_commit=version.git_commit,
        metrics=dict(version.metrics),
        params={key: _text(value) for key, value in version.params.items()},
        created_by=version.created_by,
        created_at=int(version.created_at.timestamp() * 1000),
    )


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value)
