"""Rows of the catalog as records."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic_core import from_json

from pedigree._stored_json import READABLE_DEPTH, from_stored_json, is_shallow, pruned_json
from pedigree.catalog.metadata_records import RecordedMetadata
from pedigree.catalog.names import LATEST
from pedigree.catalog.records import ModelVersion, RegisteredModel, Training, TrainingOrigin
from pedigree.catalog.references import Reference
from pedigree.catalog.store import version_not_found
from pedigree.errors import AliasNotFoundError, AmbiguousStageError
from pedigree.flavors.records import Verification
from pedigree.postgres.transaction import Row
from pedigree.signatures.records import Signature

# Columns of version_in_full that are not fields of the record.
_BOOKKEEPING = ("model_id", "name_key")

# Cached by the database's text of each. Records are frozen, so they can be shared.
_SIGNATURES: dict[str, Signature] = {}
_MOST_SIGNATURES = 1000
# A signature may have megabytes, and many times as much as a record.
_LONGEST_CACHED = 8 << 10

# Keys in the text of a search_record. A value cannot contain one: its quotes are escaped.
_DIGEST = '"digest":"'
_CARD = ',"model_card_digest":'
# A record has it only if the version has had an override.
_OVERRIDES = ',"overrides":'
# A record has it only if the version is not sealed.
_STATE = ',"state":'
# A record has it only if the version was changed since its creation.
_UPDATED = ',"last_updated_at":'
_NULL = "null"


def one_version(rows: list[Row], reference: Reference) -> Row:
    """Return the row of the version that was found for a reference.

    Raises:
        VersionNotFoundError: The number does not exist, or its version was deleted.
        AliasNotFoundError: No version holds the pointer.
        AmbiguousStageError: Several versions hold the stage.
    """
    if len(rows) == 1:
        return rows[0]
    if rows:
        raise AmbiguousStageError(
            "is held by several versions",
            field="reference",
            value=str(reference),
            remedy="Give its number; the newest are "
            + ", ".join(str(row["version"]) for row in rows),
        )
    if reference.version is not None or reference.pointer == LATEST:
        raise version_not_found(reference.name, reference.version or LATEST)
    raise AliasNotFoundError(
        "no version holds that stage or alias",
        field="reference",
        value=str(reference),
        remedy=f"`pedigree versions {reference.name}` shows the stages and aliases",
    )


def version_from_row(row: Row) -> ModelVersion:
    """Return the record of a row of ``version_in_full``."""
    fields = dict(row)
    for name in _BOOKKEEPING:
        del fields[name]
    if (signature := row["signature"]) is not None:
        fields["signature"] = _signature(
            repr(signature), lambda: Signature.model_validate(signature)
        )
    return _version(fields)


def version_from_search_row(row: Row) -> ModelVersion:
    """Return the record of a row of ``search_record``, with its model's generation."""
    text: str = row["signature"]
    fields: dict[str, Any] = from_stored_json(row["record"])
    fields["signature"] = (
        None if text == _NULL else _signature(text, lambda: Signature.model_validate_json(text))
    )
    fields["generation"] = row["generation"]
    fields["verification"] = from_json(row["verification"])
    return _version(fields)


def version_json(row: Row) -> str:
    """Return the record of :func:`version_from_search_row` as JSON.

    The database holds most of it as text, whose last field is the digest of the model card.
    """
    record, card = _parted(row)
    return _completed(record, card, row)


def version_json_by_card(row: Row, cards: Iterable[str | None]) -> list[str]:
    """Return the same JSON with each of some cards, by their digests; None is no card."""
    record, _ = _parted(row)
    return [_completed(record, f'"{card}"' if card else "null", row) for card in cards]


def _parted(row: Row) -> tuple[str, str]:
    """Return a stored record without its end, and the digest of the card as JSON."""
    stored: str = row["record"]
    if not is_shallow(stored):
        stored = pruned_json(stored, READABLE_DEPTH)
    record, _, card = stored.removesuffix("}").rpartition(_CARD)
    return record, card


def _completed(record: str, card: str, row: Row) -> str:
    digest = record.partition(_DIGEST)[2].partition('"')[0]
    overrides = "" if _OVERRIDES in record else f"{_OVERRIDES}0"
    state = "" if _STATE in record else f'{_STATE}"sealed","state_reason":null'
    updated = "" if _UPDATED in record else f"{_UPDATED}null"
    artifact_uri = _quoted(_artifact_uri(digest)) if digest else _NULL
    card_uri = card if card == _NULL else _quoted(_card_uri(card[1:-1]))
    return (
        f'{record}{overrides}{state}{updated},"model_card_uri":{card_uri},"artifact_uri":{artifact_uri}'
        f',"verification":{row["verification"]},"signature":{row["signature"]}'
        f',"generation":{row["generation"]}}}'
    )


def _version(fields: dict[str, Any]) -> ModelVersion:
    card = fields.pop("model_card_digest")
    digest = fields["digest"]
    fields["artifact_uri"] = _artifact_uri(digest) if digest else None
    fields["model_card_uri"] = _card_uri(card) if card else None
    return ModelVersion.model_validate(fields)


def _artifact_uri(digest: str) -> str:
    return f"pedigree://artifacts/{digest}"


def _card_uri(digest: str) -> str:
    return f"pedigree://blobs/{digest}"


def _quoted(text: str) -> str:
    return f'"{text}"'


def _signature(text: str, build: Callable[[], Signature]) -> Signature:
    """Return the cached signature of a text, or build it: versions share few signatures."""
    if len(text) > _LONGEST_CACHED:
        return build()
    known = _SIGNATURES.get(text)
    if known is None:
        if len(_SIGNATURES) >= _MOST_SIGNATURES:
            _SIGNATURES.clear()
        known = _SIGNATURES[text] = build()
    return known


def model_of(row: Row) -> RegisteredModel:
    """Return the record of a row of ``model_record``."""
    return RegisteredModel(**_only(row, RegisteredModel.model_fields))


def training_of(row: Row) -> Training:
    """Return the record of a row of the query ``trainings``."""
    return Training(
        training_id=str(row["training_id"]),
        origin=TrainingOrigin(**_only(row, TrainingOrigin.model_fields)),
        metadata=RecordedMetadata(**_stated(_only(row, RecordedMetadata.model_fields))),
        verification=Verification(**row["verification"]),
        created_by=row["created_by"],
        created_by_source=row["created_by_source"],
        created_at=row["created_at"],
    )


def _stated(row: Row) -> Row:
    """Leave out what has a default: a training from before migration 0035 has no value for it."""
    fields = RecordedMetadata.model_fields
    return {
        key: value for key, value in row.items() if value is not None or fields[key].is_required()
    }


def _only(row: Row, fields: Mapping[str, object]) -> Row:
    return {key: value for key, value in row.items() if key in fields}
