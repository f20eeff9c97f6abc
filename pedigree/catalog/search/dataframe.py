"""Versions as a table: one row each, with a column for each key of a keyed field."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pedigree.catalog.records import ModelVersion
from pedigree.distribution import requirement
from pedigree.errors import MissingDependencyError

if TYPE_CHECKING:
    import pandas as pd

_KEYED = ("tags", "metrics", "params")
_PLAIN = tuple(name for name in ModelVersion.model_fields if name not in (*_KEYED, "signature"))


def to_pandas(versions: Sequence[ModelVersion]) -> "pd.DataFrame":
    """Return a DataFrame with one row per version.

    Raises:
        MissingDependencyError: pandas is not installed.
    """
    try:
        import pandas as pd  # noqa: PLC0415 -- heavy, and optional
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            "a DataFrame needs the package pandas, which is not installed",
            remedy=f"Install {requirement('sklearn')}",
        ) from error
    rows = [row_of(version) for version in versions]
    keyed = sorted({name for row in rows for name in row if name not in _PLAIN})
    return pd.DataFrame(rows, columns=[*_PLAIN, *keyed])


def row_of(version: ModelVersion) -> dict[str, Any]:
    """Return a version's fields, flat: ``metrics.auc``, ``tags.team``."""
    row: dict[str, Any] = {name: getattr(version, name) for name in _PLAIN}
    for group in _KEYED:
        row |= {f"{group}.{key}": value for key, value in getattr(version, group).items()}
    return row
