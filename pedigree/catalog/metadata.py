"""Validation of metadata at registration: valid as a whole, or refused with the invalid field."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import ValidationError

from pedigree._values import bounds_of, require_values
from pedigree.catalog.metadata_records import RecordedMetadata
from pedigree.catalog.records import DeclaredMetadata
from pedigree.errors import InvalidMetadataError
from pedigree.settings import redact_url

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

# Free mappings: the caller's own entries, which may be secret.
_PRIVATE = frozenset({"params", "tags"})

_REMEDIES: Mapping[str, str] = {
    "missing": "Give it",
    "extra_forbidden": "Leave it out, or put it into tags or params",
    "string_too_short": "Give one or more characters",
    "enum": "Choose one of those",
}
_REMEDIES_OF_FIELDS: Mapping[str, str] = {
    "git_commit": "Give the full hash in lower case, as `git rev-parse HEAD` prints it",
    "environment_hash": "Give sha256: and 64 hexadecimal digits, or leave it out",
    "metrics": "Give a finite number under each name, or leave the metric out",
    "signature": "Give inputs and outputs, or infer them with pedigree.infer_signature(…)",
}


def validated(metadata: Mapping[str, object] | RecordedMetadata) -> DeclaredMetadata:
    """Return valid metadata.

    A record is validated again, since ``model_copy(update=...)`` does not validate.

    Args:
        metadata: The fields by name, or a record of them.

    Raises:
        InvalidMetadataError: A required field is missing, or a value is outside its domain or
            beyond its bound. The message has the first such field and the remedy.
    """
    if isinstance(metadata, RecordedMetadata):
        metadata = {name: getattr(metadata, name) for name in DeclaredMetadata.model_fields}
    bounds = bounds_of(DeclaredMetadata)
    for name, value in metadata.items() if isinstance(metadata, Mapping) else ():
        require_values(value, name, bound=bounds.get(name), error=InvalidMetadataError)
    try:
        return DeclaredMetadata.model_validate(metadata)
    except ValidationError as error:
        raise metadata_error(error) from None


def metadata_error(error: ValidationError) -> InvalidMetadataError:
    """Return pydantic's error about metadata as an error of Pedigree."""
    first, *others = error.errors(include_url=False, include_context=False)
    field = _path(first)
    further = sorted({_path(other) for other in others} - {field})
    also = f"; also wrong: {', '.join(further)}" if further else ""
    return InvalidMetadataError(
        f"{_reason(first)}{also}",
        field=field,
        value=None if first["type"] == "missing" else _shown(first),
        remedy=_remedy(first),
    )


def _path(found: "ErrorDetails") -> str:
    return ".".join(str(part) for part in found["loc"]) or "metadata"


def _reason(found: "ErrorDetails") -> str:
    if found["type"] == "missing":
        return "the field is required"
    reason = found["msg"].removeprefix("Value error, ")
    return reason[:1].lower() + reason[1:]


def _remedy(found: "ErrorDetails") -> str:
    top = str(found["loc"][0]) if found["loc"] else ""
    if found["type"] == "missing":
        known = DeclaredMetadata.model_fields.get(top)
        meaning = known.description if known and known.description else "a value"
        return f"Give it: {meaning[:1].lower()}{meaning[1:]}"
    return (
        _REMEDIES.get(found["type"])
        or _REMEDIES_OF_FIELDS.get(top)
        or "See `pedigree schema` for the values of the field"
    )


def _shown(found: "ErrorDetails") -> object:
    value = found["input"]
    top = str(found["loc"][0]) if found["loc"] else ""
    if top in _PRIVATE or not isinstance(value, str | int | float | bool | None):
        return f"a {type(value).__name__}"
    return redact_url(value) if isinstance(value, str) else value
