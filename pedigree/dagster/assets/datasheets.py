"""Datasheets in asset definitions.

::

    @dg.asset(metadata=datasheet_metadata(
        motivation="to bill customers", composition="one row a customer", collection="by the CRM",
    ))
    def customers() -> pd.DataFrame: ...

    defs = registry_definitions(customer_churn, sources=[customers])
"""

from collections.abc import Iterable
from typing import Any, TypeAlias, TypedDict, Unpack

import dagster as dg
from pydantic import ValidationError

from pedigree.dagster import metadata_keys
from pedigree.datasets.records import Datasheet
from pedigree.errors import InvalidMetadataError

Documented: TypeAlias = dg.AssetsDefinition | dg.AssetSpec
"""An asset whose definition may carry a datasheet."""


class Sections(TypedDict, total=False):
    """The sections of a :class:`Datasheet`."""

    motivation: str
    composition: str
    collection: str
    preprocessing: str
    uses: str
    distribution: str
    maintenance: str
    uri: str


def datasheet_metadata(**sections: Unpack[Sections]) -> dict[str, dg.JsonMetadataValue]:
    """Return the metadata that attaches a datasheet to an asset's definition.

    Raises:
        InvalidMetadataError: All sections are empty.
    """
    sheet = _parse(sections, "datasheet")
    content = sheet.model_dump(mode="json", exclude_none=True)
    return {metadata_keys.DATASHEET: dg.MetadataValue.json(content)}


def datasheets_of(assets: Iterable[Documented]) -> dict[str, Datasheet]:
    """Return the datasheets in the definitions of some assets, by asset key.

    Raises:
        InvalidMetadataError: The metadata of a definition is not a valid datasheet.
    """
    found: dict[str, Datasheet] = {}
    for asset in assets:
        for spec in asset.specs if isinstance(asset, dg.AssetsDefinition) else (asset,):
            content = spec.metadata.get(metadata_keys.DATASHEET)
            if content is not None:
                name = spec.key.to_user_string()
                found[name] = _parse(getattr(content, "value", content), name)
    return found


def _parse(content: Any, field: str) -> Datasheet:
    try:
        return Datasheet.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InvalidMetadataError(
            f"is not a valid datasheet: {first['msg'].removeprefix('Value error, ')}",
            field=field,
            value=content,
            remedy=f"Use the sections {', '.join(Datasheet.model_fields)}",
        ) from error
