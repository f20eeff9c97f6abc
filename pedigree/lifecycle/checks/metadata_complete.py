"""Check that a version has the metadata that a stage requires."""

from typing import Annotated

from pydantic import AfterValidator, Field

from pedigree._record import Record
from pedigree.catalog.records import ModelMetadata, ModelVersion
from pedigree.lifecycle.checks.base import Check, Evidence, Finding, details
from pedigree.lifecycle.policy import ALWAYS_THERE, METADATA_COMPLETE
from pedigree.lifecycle.records import Severity

_ALWAYS = tuple(name for name, field in ModelMetadata.model_fields.items() if field.is_required())


def _known(name: str) -> str:
    kind = name.partition(".")[0]
    if kind not in ModelMetadata.model_fields:
        raise ValueError(f"{name!r} is not a metadata field; `pedigree schema` lists them")
    return name


FieldName = Annotated[str, AfterValidator(_known)]


class MetadataSettings(Record):
    """The metadata that a stage requires; ``tags.x``, ``metrics.x``, ``params.x`` name one key."""

    required: tuple[FieldName, ...] = Field(
        default=(), description="Required besides the fields of every version; else it fails"
    )
    recommended: tuple[FieldName, ...] = Field(
        default=(
            "training_data_digest",
            "environment_hash",
            "metrics",
            "description",
            "owners",
            "model_card_uri",
        ),
        description="Recommended; else it warns",
    )


def _judge(_: Evidence, version: ModelVersion, settings: MetadataSettings) -> Finding:
    missing = [name for name in (*_ALWAYS, *settings.required) if _absent(version, name)]
    advised = [name for name in settings.recommended if _absent(version, name)]
    absent = list(dict.fromkeys(missing or advised))
    return Finding(
        passed=not absent,
        severity=Severity.ERROR if missing else Severity.WARN,
        summary=f"not provided: {', '.join(absent)}"
        if absent
        else "all required and recommended metadata is provided",
        details=details(missing=list(missing), advised=list(advised)),
    )


def _absent(version: ModelVersion, name: str) -> bool:
    if name in ALWAYS_THERE:
        return False
    field, _, key = name.partition(".")
    value = getattr(version, field)
    if key:
        value = value.get(key) if isinstance(value, dict) else None
    return value is None or (isinstance(value, str | tuple | list | dict) and not value)


CHECK = Check(
    name=METADATA_COMPLETE,
    asks="Every required field is provided; it warns if a recommended one is missing",
    judge=_judge,
    settings=MetadataSettings,
)
