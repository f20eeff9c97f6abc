"""The signature types of pandas' columns."""

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

# The results of ``infer_dtype`` for an object column without missing values.
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
    """Return one signature column for each column.

    Raises:
        InvalidSignatureError: A signature does not support a name or a dtype.
    """
    return columns(
        (
            (label, _column_type(frame.iloc[:, place], f"{role}.{label}"))
            for place, label in enumerate(frame.columns.tolist())
        ),
        role,
    )


def series_port(series: "pd.Series[Any]", role: str) -> Port:
    """Return a column with the series' name, or a tensor if it has none.

    Raises:
        InvalidSignatureError: A signature does not support its name or dtype.
    """
    if series.name is None:
        return _array_port(series, role)
    name = column_name(series.name, role)
    return Column(name=name, type=_column_type(series, f"{role}.{name}"))


def _array_port(series: "pd.Series[Any]", role: str) -> Port:
    """Return a tensor of the values' own type, ignoring missing values."""
    import pandas as pd  # noqa: PLC0415 - loaded if there is a series

    dtype: Any = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        if dtype.categories.empty:
            raise _empty(role, dtype)
        return _array_port(dtype.categories.to_series(), role)
    if isinstance(dtype, pd.ArrowDtype):
        return tensor_of(_arrow.array_dtype(dtype.pyarrow_dtype, role))
    if isinstance(dtype, pd.DatetimeTZDtype):
        return tensor_of(f"datetime64[{dtype.unit}]")
    if hasattr(dtype, "numpy_dtype"):  # Int64 and similar types
        return tensor_of(dtype.numpy_dtype.name)
    if dtype.kind == "O" and not isinstance(dtype, pd.SparseDtype):
        return tensor_of(ARRAY_DTYPES[_content_type(series, role)])
    return tensor(series.to_numpy(), name=None, where=role)


def _column_type(series: "pd.Series[Any]", where: str) -> ColumnType:
    import pandas as pd  # noqa: PLC0415 - loaded if there is a series

    dtype: Any = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        # The encoding of a column is internal to the frame; callers send its categories.
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
    numpy_dtype = getattr(dtype, "numpy_dtype", dtype)  # int64 for Int64
    found = COLUMN_TYPES.get(numpy_dtype.name)
    if found is None:
        raise no_type(where, str(dtype))
    return found


def _content_type(series: "pd.Series[Any]", where: str) -> ColumnType:
    """Return the type of strings and objects, which the dtype alone does not determine."""
    import pandas as pd  # noqa: PLC0415 - loaded if there is a series

    if isinstance(series.dtype, pd.StringDtype):
        return ColumnType.STRING
    content = pd.api.types.infer_dtype(series, skipna=True)
    if content == "empty":
        raise _empty(where, series.dtype)
    found = _BY_CONTENT.get(content)
    if found is None:
        raise no_type(where, f"{series.dtype} holding {content}")
    return found


def _empty(where: str, dtype: object) -> InvalidSignatureError:
    return no_type(where, f"{dtype} without a value", "Give a sample with a value in this column")
