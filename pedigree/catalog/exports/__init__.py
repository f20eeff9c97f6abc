"""A version's lineage in the formats of other tools.

Reading the lineage belongs to `lineage`; each module here only translates.
"""

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

from pedigree.catalog.exports.openlineage import openlineage
from pedigree.catalog.exports.prov import prov
from pedigree.catalog.exports.source import Exported
from pedigree.errors import InvalidInputError

ExportFormat: TypeAlias = Literal["openlineage", "prov"]

_FORMATS: Mapping[str, Callable[[Exported], str]] = {"openlineage": openlineage, "prov": prov}


def export(exported: Exported, format: ExportFormat) -> str:
    """Return a version's lineage in a format, as JSON.

    Raises:
        InvalidInputError: There is no such format.
        MissingDependencyError: Its library is not installed.
    """
    if format not in _FORMATS:
        raise InvalidInputError(
            "is not a lineage format",
            field="format",
            value=format,
            remedy=f"Choose one of {', '.join(_FORMATS)}",
        )
    return _FORMATS[format](exported)
