"""Versions without a digest, as a client of another protocol or an import makes them."""

from typing import Any

from pedigree.access.named_records import with_names
from pedigree.catalog.metadata_records import RecordedMetadata
from pedigree.catalog.records import ModelVersion, SourcedVersion, VersionSource
from pedigree.catalog.seal_states import SealState
from pedigree.registry import Registry

UNKNOWN: dict[str, Any] = dict.fromkeys(
    ("flavor", "signature", "run_id", "git_commit", "git_dirty", "git_source")
)
SOURCE = "s3://models/churn/7"


def unknown_metadata(**known: Any) -> RecordedMetadata:
    """What is known of a version: only the given fields."""
    return RecordedMetadata(**{**UNKNOWN, **known})


def sourced(
    *,
    state: SealState = SealState.PENDING,
    state_reason: str | None = None,
    source: VersionSource | str = SOURCE,
    **known: Any,
) -> SourcedVersion:
    """A version of another protocol; nothing is known of it but the given fields."""
    return SourcedVersion.model_validate(
        {
            "metadata": unknown_metadata(**known),
            "source": VersionSource(source=source) if isinstance(source, str) else source,
            "state": state,
            "state_reason": state_reason,
        }
    )


def create(registry: Registry, name: str = "churn", **given: Any) -> ModelVersion:
    """Create a version without a digest of a model that may be new."""
    if all(model.name != name for model in registry.models()):
        registry.create_model(name)
    made = registry.operations.sealing.create(name, sourced(**given)).new().version
    version = registry.get(made.reference)
    assert with_names(made, registry.context.names) == version
    return version


def by_reference(registry: Registry, name: str = "churn", **given: Any) -> ModelVersion:
    """Create a version whose bytes are elsewhere."""
    given = {"state": SealState.REFERENCE, "state_reason": "the rule s3:// of the service", **given}
    return create(registry, name, **given)


def failed(registry: Registry, name: str = "churn", reason: str = "no such object") -> ModelVersion:
    """Create a version whose bytes could not be fetched."""
    return registry.get(
        registry.operations.sealing.fail(create(registry, name).reference, reason).reference
    )
