"""The types of pandas' columns."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pedigree.errors import InvalidSignatureError
from pedigree.signatures import _arrow
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
    import pandas as pd

# What pandas says about the values of an object column, missing ones left out.
_BY_CONTENT: Mapping[str, ColumnType] = {
    "string": ColumnType.STRING,
    "bytes": ColumnType.BINARY,
    "boolean": ColumnType.BOOLEAN,
    "integer": ColumnType.LONG,
    "floating": ColumnType.DOUBLE,
    "mixed-integer-float": ColumnType.DOUBLE,
    "datetime": ColumnType.DATETIME,
    "datetime64": ColumnType.DATETIME,
    "date": ColumnType.DATETIME,
}


def frame_ports(frame: "pd.DataFrame", role: str) -> tuple[Port, ...]:
    """Return one column a name.

    Raises:
        InvalidSignatureError: A name or a dtype has no place in a signature.
    """
    return columns(
        (
            (label, _column_type(frame.iloc[:, place], f"{role}.{label}"))
            for place, label in enumerate(frame.columns.tolist())
        ),
        role,
    )


def series_port(series: "pd.Series[Any]", role: str) -> Port:
    """Return a column by the series' name, or a tensor where it has none.

    Raises:
        InvalidSignatureError: Its name or dtype has no place in a signature.
    """
    if series.name is None:
        return _array_port(series, role)
    name = column_name(series.name, role)
    return Column(name=name, type=_column_type(series, f"{role}.{name}"))


def _array_port(series: "pd.Series[Any]", role: str) -> Port:
    """Return a tensor of the values' own type, whether or not some are missing."""
    import pandas as pd  # noqa: PLC0415 - who has a series has loaded it

    dtype: Any = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        if dtype.categories.empty:
            raise _empty(role, dtype)
        return _array_port(dtype.categories.to_series(), role)
    if isinstance(dtype, pd.ArrowDtype):
        return tensor_of(_arrow.array_dtype(dtype.pyarrow_dtype, role))
    if isinstance(dtype, pd.DatetimeTZDtype):
        return tensor_of(f"datetime64[{dtype.unit}]")
    if hasattr(dtype, "numpy_dtype"):  # Int64 and its like
        return tensor_of(dtype.numpy_dtype.name)
    if dtype.kind == "O" and not isinstance(dtype, pd.SparseDtype):
        return tensor_of(ARRAY_DTYPES[_content_type(series, role)])
    return tensor(series.to_numpy(), name=None, where=role)


def _column_type(series: "pd.Series[Any]", where: str) -> ColumnType:
    import pandas as pd  # noqa: PLC0415 - who has a series has loaded it

    dtype: Any = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        # How a column is encoded is the frame's affair; what a caller sends are its categories.
        if dtype.categories.empty:
            raise _empty(where, dtype)
        return _column_type(dtype.categories.to_series(), where)
    if isinstance(dtype, pd.ArrowDtype):
        return _arrow.column_type(dtype.pyarrow_dtype, where)
    if isinstance(dtype, pd.SparseDtype):
        dtype = dtype.subtype
    if dtype.kind == "M":
        return ColumnType.DATETIME
    if dtype.kind == "O":
        return _content_type(series, where)
    numpy_dtype = getattr(dtype, "numpy_dtype", dtype)  # Int64 and its like stand for int64
    known = COLUMN_TYPES.get(numpy_dtype.name)
    if known is None:
        raise no_type(where, str(dtype))
    return known


def _content_type(series: "pd.Series[Any]", where: str) -> ColumnType:
    """Return the type of values that the dtype alone does not tell: strings and objects."""
    import pandas as pd  # noqa: PLC0415 - who has a series has loaded it

    if isinstance(series.dtype, pd.StringDtype):
        return ColumnType.STRING
    content = pd.api.types.infer_dtype(series, skipna=True)
    if content == "empty":
        raise _empty(where, series.dtype)
    known = _BY_CONTENT.get(content)
    if known is None:
        raise no_type(where, f"{series.dtype} holding {content}")
    return known


def _empty(where: str, dtype: object) -> InvalidSignatureError:
    return no_type(where, f"{dtype} without a value", "Give a sample with a value in this column")
