"""Datasheets in the definitions of assets.

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
    """The sections of a datasheet, as :class:`Datasheet` has them."""

    motivation: str
    composition: str
    collection: str
    preprocessing: str
    uses: str
    distribution: str
    maintenance: str
    uri: str


def datasheet_metadata(**sections: Unpack[Sections]) -> dict[str, dg.JsonMetadataValue]:
    """Return the metadata by which an asset's definition carries a datasheet.

    Raises:
        InvalidMetadataError: Nothing is said in it.
    """
    sheet = _read(sections, "datasheet")
    said = sheet.model_dump(mode="json", exclude_none=True)
    return {metadata_keys.DATASHEET: dg.MetadataValue.json(said)}


def datasheets_of(assets: Iterable[Documented]) -> dict[str, Datasheet]:
    """Return the datasheets that the definitions of some assets carry, by the assets' keys.

    Raises:
        InvalidMetadataError: What a definition carries is no datasheet.
    """
    found: dict[str, Datasheet] = {}
    for asset in assets:
        for spec in asset.specs if isinstance(asset, dg.AssetsDefinition) else (asset,):
            carried = spec.metadata.get(metadata_keys.DATASHEET)
            if carried is not None:
                name = spec.key.to_user_string()
                found[name] = _read(getattr(carried, "value", carried), name)
    return found


def _read(carried: Any, field: str) -> Datasheet:
    try:
        return Datasheet.model_validate(carried)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InvalidMetadataError(
            f"is no datasheet: {first['msg'].removeprefix('Value error, ')}",
            field=field,
            value=carried,
            remedy=f"Its sections are {', '.join(Datasheet.model_fields)}",
        ) from error
