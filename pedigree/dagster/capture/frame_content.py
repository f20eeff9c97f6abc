"""Serialize a frame to bytes that differ whenever two frames could differ for a model.

Frames can differ in a value, in its type, and in the encoding of a column. So every value is
written with its type and length: 1, ``"1"`` and ``True`` differ, and adjacent values stay separate.
Nothing depends on a hash, which differs between processes. Columns of numbers, times and texts are
written as whole arrays.
"""

import datetime
import struct
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd

from pedigree.errors import InvalidInputError

_PLAIN_KINDS = "biufcmM"  # numpy's numbers, booleans, times and durations
_LARGEST = 16  # bytes; larger types (long doubles) contain padding bytes


def frame_content(frame: "pd.DataFrame | pd.Series[Any]") -> Iterator[bytes]:
    """Yield the content of a frame or series, piece by piece.

    Raises:
        InvalidInputError: A cell or a label has an unsupported type.
    """
    yield _part("rows", str(len(frame)).encode())
    yield from _index_content(frame.index)
    if isinstance(frame, pd.Series):
        yield _part("series", _label(frame.name))
        yield from _column_content(frame, frame.name)
        return
    yield _part("columns", _label(list(frame.columns.names)))
    for position, name in enumerate(frame.columns.tolist()):
        yield _part("column", _label(name))
        yield from _column_content(frame.iloc[:, position], name)


def _index_content(index: "pd.Index[Any]") -> Iterator[bytes]:
    yield _part("index", _label(list(index.names)))
    for level in range(index.nlevels):
        yield from _column_content(pd.Series(index.get_level_values(level)), "index")


def _label(name: object) -> bytes:
    try:
        return _value(name)
    except TypeError as error:
        raise _unknown("a label", error) from error


def _column_content(column: "pd.Series[Any]", name: object) -> Iterator[bytes]:
    yield _part("dtype", str(column.dtype).encode())
    try:
        yield from _cells(column)
    except TypeError as error:
        raise _unknown(f"column {name!r}", error) from error


def _cells(column: "pd.Series[Any]") -> Iterator[bytes]:
    dtype: Any = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        yield _part("ordered", str(dtype.ordered).encode())
        yield _part("categories", str(len(dtype.categories)).encode())
        yield from _column_content(pd.Series(dtype.categories), "categories")
        yield _array(column.cat.codes.to_numpy().astype("int64"))
    elif isinstance(dtype, pd.SparseDtype):
        yield from _cells(pd.Series(np.asarray(column)))
    elif isinstance(dtype, pd.DatetimeTZDtype):
        yield _array(column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy())
    elif isinstance(dtype, np.dtype) and _is_plain(dtype):
        yield _array(column.to_numpy())
    elif _is_masked(dtype):
        yield _array(column.isna().to_numpy())
        yield _array(column.to_numpy(dtype=dtype.numpy_dtype, na_value=0))
    elif _is_text(column):
        yield from _texts(column)
    else:
        yield from (_value(cell) for cell in column)


def _is_plain(dtype: "np.dtype[Any]") -> bool:
    return dtype.kind in _PLAIN_KINDS and dtype.itemsize <= _LARGEST and dtype.char not in "gG"


def _is_masked(dtype: Any) -> bool:
    """Return whether a dtype is a nullable numpy number, such as Int64 and Arrow's numbers."""
    numpy_dtype = getattr(dtype, "numpy_dtype", None)
    return isinstance(numpy_dtype, np.dtype) and numpy_dtype.kind in "biuf"


def _is_text(column: "pd.Series[Any]") -> bool:
    """Return whether a column contains only texts, with one kind of missing value if any."""
    dtype: Any = column.dtype
    if isinstance(dtype, pd.StringDtype | pd.ArrowDtype):
        return dtype.type is str
    return dtype.kind == "O" and set(map(type, column)) == {str}


def _texts(column: "pd.Series[Any]") -> Iterator[bytes]:
    """Yield each distinct text once, and the index of the text of every row."""
    rows, texts = pd.factorize(column)
    yield _array(rows.astype("int64"))
    encoded = [_text(text) for text in texts.tolist()]
    yield _array(np.array([len(text) for text in encoded], dtype="int64"))
    yield _part("texts", b"".join(encoded))


def _array(array: Any) -> bytes:
    """Return the bytes of a plain array, independent of the machine and of a NaN's payload."""
    dense = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
    if dense.dtype.kind in "fc":
        parts = dense.view(f"<f{dense.dtype.itemsize // (2 if dense.dtype.kind == 'c' else 1)}")
        if np.isnan(parts).any():
            dense = np.where(np.isnan(parts), np.nan, parts).astype(parts.dtype)
    return _part("array", dense.tobytes())


def _value(value: Any) -> bytes:
    """Return the type and the content of one value.

    Raises:
        TypeError: Its type is unsupported.
    """
    kind = type(value)
    content = _CONTENT.get(kind)
    if content is not None:
        return _part(kind.__name__, content(value))
    if value is pd.NA or value is pd.NaT:
        return _part(repr(value), b"")
    if isinstance(value, Enum):
        return _part(f"{kind.__module__}.{kind.__qualname__}", value.name.encode())
    if isinstance(value, np.generic):
        return _part(value.dtype.str, _scalar(value))
    raise TypeError(f"values of type {kind.__module__}.{kind.__qualname__}")


def _part(kind: str, content: bytes) -> bytes:
    return b"%b:%d:%b" % (kind.encode(), len(content), content)


def _scalar(value: "np.generic[Any]") -> bytes:
    if value.dtype.names or value.dtype.hasobject:
        raise TypeError(f"values of numpy's type {value.dtype}")
    if value.dtype.kind in _PLAIN_KINDS and not _is_plain(value.dtype):
        return repr(value).encode()
    return _array(np.asarray(value)) if value.dtype.kind in "fc" else value.tobytes()


def _of_array(array: Any) -> bytes:
    shape, form = _value(array.shape), array.dtype.newbyteorder("<").str.encode()
    if array.dtype.names or (array.dtype.kind in _PLAIN_KINDS and not _is_plain(array.dtype)):
        raise TypeError(f"arrays of numpy's type {array.dtype}")
    if array.dtype.hasobject:
        return shape + b"".join(_value(item) for item in array.flat)
    if array.dtype.kind in _PLAIN_KINDS:
        return b"".join((shape, form, _array(array)))
    return b"".join((shape, array.dtype.str.encode(), array.tobytes()))


def _number(value: float) -> bytes:
    return struct.pack("<d", float("nan") if value != value else value)  # noqa: PLR0124 - only NaN


def _zone(value: Any) -> bytes:
    if value.tzinfo is None:
        return b""
    return f"{value.tzinfo} {value.utcoffset()} {value.fold}".encode()


def _moment(value: Any) -> bytes:
    return _part(value.isoformat(), _zone(value))


def _timestamp(value: pd.Timestamp) -> bytes:
    return _part(f"{value.value} {value.unit}", _zone(value))


def _interval(value: Any) -> bytes:
    return _part(value.closed, _value(value.left) + _value(value.right))


def _items(values: Any) -> bytes:
    return b"".join(_value(value) for value in values)


def _set(values: Any) -> bytes:
    return b"".join(sorted(_value(value) for value in values))  # iteration order depends on hashes


def _mapping(values: Any) -> bytes:
    return b"".join(_value(key) + _value(value) for key, value in values.items())


def _text(value: str) -> bytes:
    return value.encode("utf-8", "surrogatepass")


_CONTENT: Mapping[type, Callable[[Any], bytes]] = {
    type(None): lambda _: b"",
    bool: lambda value: str(value).encode(),
    int: lambda value: hex(value).encode(),
    float: _number,
    complex: lambda value: _number(value.real) + _number(value.imag),
    str: _text,
    bytes: bytes,
    bytearray: bytes,
    Decimal: lambda value: str(value).encode(),
    Fraction: lambda value: str(value).encode(),
    UUID: lambda value: value.bytes,
    datetime.date: lambda value: value.isoformat().encode(),
    datetime.time: _moment,
    datetime.datetime: _moment,
    datetime.timedelta: lambda value: repr(value).encode(),
    pd.Timestamp: _timestamp,
    pd.Timedelta: lambda value: f"{value.value} {value.unit}".encode(),
    pd.Period: lambda value: f"{value.ordinal} {value.freqstr}".encode(),
    pd.Interval: _interval,
    tuple: _items,
    list: _items,
    dict: _mapping,
    set: _set,
    frozenset: _set,
    np.ndarray: _of_array,
}


def _unknown(where: str, error: TypeError) -> InvalidInputError:
    return InvalidInputError(
        f"contains unsupported values: {error}",
        field=where,
        remedy="Convert them to texts or numbers first",
    )
