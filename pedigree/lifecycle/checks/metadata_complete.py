"""Whether a version carries the metadata that a stage asks for."""

from typing import Annotated

from pydantic import AfterValidator, Field

from pedigree._record import Record
from pedigree.catalog.records import ModelMetadata, ModelVersion
from pedigree.lifecycle.checks.base import Check, Evidence, Finding, details
from pedigree.lifecycle.policy import ALWAYS_THERE, METADATA_COMPLETE
from pedigree.lifecycle.records import Severity

_ABSENT: tuple[object, ...] = (None, "", (), {}, [])


def _known(name: str) -> str:
    kind = name.partition(".")[0]
    if kind not in ModelMetadata.model_fields:
        raise ValueError(f"{name!r} is no metadata; `pedigree schema` lists what is")
    return name


FieldName = Annotated[str, AfterValidator(_known)]


class MetadataSettings(Record):
    """Which metadata a stage asks for; ``tags.x``, ``metrics.x``, ``params.x`` are single ones."""

    required: tuple[FieldName, ...] = Field(
        default=(), description="Must be there, beside what every version has; else it fails"
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
        description="Should be there; else it warns",
    )


def _judge(_: Evidence, version: ModelVersion, settings: MetadataSettings) -> Finding:
    always = (name for name, field in ModelMetadata.model_fields.items() if field.is_required())
    missing = [name for name in (*always, *settings.required) if _absent(version, name)]
    advised = [name for name in settings.recommended if _absent(version, name)]
    absent = list(dict.fromkeys(missing or advised))
    return Finding(
        passed=not absent,
        severity=Severity.ERROR if missing else Severity.WARN,
        summary=f"not provided: {', '.join(absent)}"
        if absent
        else "all required and recommended metadata is there",
        details=details(missing=list(missing), advised=list(advised)),
    )


def _absent(version: ModelVersion, name: str) -> bool:
    if name in ALWAYS_THERE:
        return False
    field, _, key = name.partition(".")
    value = getattr(version, field)
    if key:
        value = value.get(key) if isinstance(value, dict) else None
    return any(value is nothing or value == nothing for nothing in _ABSENT)


CHECK = Check(
    name=METADATA_COMPLETE,
    asks="Every required field is there; so are the recommended ones, or it warns",
    judge=_judge,
    settings=MetadataSettings,
)
