"""The signature types of polars' columns, which follow from the schema alone."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pedigree.signatures._numpy import tensor
from pedigree.signatures._types import (
    ARRAY_DTYPES,
    COLUMN_TYPES,
    column_name,
    columns,
    no_type,
    tensor_of,
)
from pedigree.signatures.records import Column, ColumnType, Port

if TYPE_CHECKING:
    import polars as pl

_BY_NAME: Mapping[str, ColumnType] = {
    **COLUMN_TYPES,
    "boolean": ColumnType.BOOLEAN,
    "string": ColumnType.STRING,
    "categorical": ColumnType.STRING,
    "enum": ColumnType.STRING,
    "binary": ColumnType.BINARY,
    "date": ColumnType.DATETIME,
    "datetime": ColumnType.DATETIME,
}


def frame_ports(frame: "pl.DataFrame | pl.LazyFrame", role: str) -> tuple[Port, ...]:
    """Return one signature column for each column; a lazy frame is not computed.

    Raises:
        InvalidSignatureError: A signature does not support a name or a dtype.
    """
    schema = frame.collect_schema()
    return columns(
        ((name, _column_type(dtype, f"{role}.{name}")) for name, dtype in schema.items()), role
    )


def series_port(series: "pl.Series", role: str) -> Port:
    """Return a column with the series' name, or a tensor if it has none.

    Raises:
        InvalidSignatureError: A signature does not support its name or dtype.
    """
    if not series.name:
        return _array_port(series, role)
    name = column_name(series.name, role)
    return Column(name=name, type=_column_type(series.dtype, f"{role}.{name}"))


def _array_port(series: "pl.Series", role: str) -> Port:
    """Return a tensor of the values' own type, ignoring missing values."""
    dtype: Any = series.dtype
    name = _name(dtype)
    if name == "datetime":
        return tensor_of(f"datetime64[{dtype.time_unit}]")
    if name == "date":
        return tensor_of("datetime64[D]")
    if name in COLUMN_TYPES:
        return tensor_of(name)
    if name in _BY_NAME:
        return tensor_of(ARRAY_DTYPES[_BY_NAME[name]])
    return tensor(series.to_numpy(), name=None, where=role)


def _column_type(dtype: "pl.DataType", where: str) -> ColumnType:
    found = _BY_NAME.get(_name(dtype))
    if found is None:
        raise no_type(where, str(dtype))
    return found


def _name(dtype: "pl.DataType") -> str:
    return dtype.base_type().__name__.lower()
