"""Infer a signature from examples of what a model takes and what it gives.

>>> import numpy as np
>>> signature = infer(np.zeros((3, 2)), np.zeros(3, dtype="int64"))
>>> signature.inputs[0].shape, signature.outputs[0].dtype
((-1, 2), 'int64')

A frame becomes one column a name, a named series one column, an array one tensor whose first
extent (the batch) is free, and a mapping of arrays one tensor a name. ``required`` says that a
column must be *present*, so a column with gaps in the sample is required all the same: the model
was trained with it there, and leaving it out is not the same as leaving a cell empty.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeGuard

from pedigree.errors import InvalidSignatureError
from pedigree.signatures.records import Column, ColumnType, Port, Signature, Tensor

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

# By the kind and the bytes of a numpy dtype. Unsigned numbers take the next wider signed type;
# uint64 has none, so it is refused.
_BY_KIND: Mapping[tuple[str, int], ColumnType] = {
    ("b", 1): ColumnType.BOOLEAN,
    ("i", 1): ColumnType.INTEGER,
    ("i", 2): ColumnType.INTEGER,
    ("i", 4): ColumnType.INTEGER,
    ("i", 8): ColumnType.LONG,
    ("u", 1): ColumnType.INTEGER,
    ("u", 2): ColumnType.INTEGER,
    ("u", 4): ColumnType.LONG,
    ("f", 2): ColumnType.FLOAT,
    ("f", 4): ColumnType.FLOAT,
    ("f", 8): ColumnType.DOUBLE,
}

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

_TEXT_DTYPES: Mapping[str, str] = {"U": "str", "S": "bytes"}  # without the longest value's length


def infer(inputs: object, outputs: object) -> Signature:
    """Return the signature of a model that turned ``inputs`` into ``outputs``.

    Args:
        inputs: A pandas frame or series, a numpy array, or a mapping of names to numpy arrays.
            One row is enough for typed columns; a column of Python objects needs a value.
        outputs: The same kinds; usually ``model.predict(inputs)``.

    Raises:
        InvalidSignatureError: A value, a column's name or its dtype has no type in a signature;
            the message names the column and the dtype.
    """
    return Signature(inputs=_ports(inputs, "inputs"), outputs=_ports(outputs, "outputs"))


def _ports(value: object, role: str) -> tuple[Port, ...]:
    if _is_frame(value):
        return _columns(value, role)
    if _is_series(value):
        return (_series_port(value, role),)
    if _is_array(value):
        return (_tensor(value, name=None, where=role),)
    if isinstance(value, Mapping) and value:
        return tuple(_named_tensor(name, array, role) for name, array in value.items())
    raise InvalidSignatureError(
        f"a signature cannot be inferred from {type(value).__name__}",
        field=role,
        remedy="Give a pandas frame or series, a numpy array, or a mapping of names to arrays",
    )


# A value can only be pandas' or numpy's if the library is loaded already, so neither is imported.
def _is_frame(value: object) -> "TypeGuard[pd.DataFrame]":
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.DataFrame)


def _is_series(value: object) -> "TypeGuard[pd.Series[Any]]":
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.Series)


def _is_array(value: object) -> "TypeGuard[np.ndarray[tuple[int, ...], np.dtype[Any]]]":
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray)


def _columns(frame: "pd.DataFrame", role: str) -> tuple[Port, ...]:
    if not len(frame.columns):
        raise InvalidSignatureError(
            "the frame has no columns", field=role, remedy="Give a frame with one or more columns"
        )
    names = _column_names(frame.columns.tolist(), role)
    return tuple(
        Column(name=name, type=_column_type(frame.iloc[:, place], f"{role}.{name}"))
        for place, name in enumerate(names)
    )


def _column_names(labels: Sequence[object], role: str) -> list[str]:
    names: dict[str, None] = {}  # an ordered set
    for label in labels:
        if not isinstance(label, str) or not label:
            raise InvalidSignatureError(
                f"the column label {label!r} is not a text of one or more characters",
                field=role,
                remedy="Rename it: frame.columns = frame.columns.astype(str)",
            )
        if label in names:
            raise InvalidSignatureError(
                "two columns have the same name",
                field=f"{role}.{label}",
                remedy="Give each column a name of its own",
            )
        names[label] = None
    return list(names)


def _series_port(series: "pd.Series[Any]", role: str) -> Port:
    if series.name is None:
        return _tensor(series.to_numpy(), name=None, where=role)
    (name,) = _column_names([series.name], role)
    return Column(name=name, type=_column_type(series, f"{role}.{name}"))


def _column_type(series: "pd.Series[Any]", where: str) -> ColumnType:
    dtype = series.dtype
    pandas = sys.modules["pandas"]
    if isinstance(dtype, pandas.CategoricalDtype):
        # How a column is encoded is the frame's affair; what a caller sends are its categories.
        if dtype.categories.empty:
            raise _empty(where, dtype)
        return _column_type(dtype.categories.to_series(), where)
    if isinstance(dtype, pandas.SparseDtype):
        dtype = dtype.subtype
    if dtype.kind == "M":
        return ColumnType.DATETIME
    if dtype.kind == "O":
        return _content_type(series, where)
    known = _BY_KIND.get((dtype.kind, getattr(dtype, "itemsize", 0)))
    if known is None:
        raise _no_type(where, str(dtype), _remedy(str(dtype)))
    return known


def _content_type(series: "pd.Series[Any]", where: str) -> ColumnType:
    """Return the type of values that the dtype alone does not tell: strings and objects."""
    pandas = sys.modules["pandas"]
    if isinstance(series.dtype, pandas.StringDtype):
        return ColumnType.STRING
    content = pandas.api.types.infer_dtype(series, skipna=True)
    if content == "empty":
        raise _empty(where, series.dtype)
    known = _BY_CONTENT.get(content)
    if known is None:
        raise _no_type(where, f"{series.dtype} holding {content}", _remedy(content))
    return known


def _named_tensor(name: object, array: object, role: str) -> Tensor:
    if not isinstance(name, str) or not name:
        raise InvalidSignatureError(
            "a tensor's name must be a text of one or more characters",
            field=role,
            value=name,
            remedy="Name every array of the mapping",
        )
    if not _is_array(array):
        raise InvalidSignatureError(
            f"a mapping must hold numpy arrays, not {type(array).__name__}",
            field=f"{role}.{name}",
            remedy="Convert it with numpy.asarray",
        )
    return _tensor(array, name=name, where=f"{role}.{name}")


def _tensor(
    array: "np.ndarray[tuple[int, ...], np.dtype[Any]]", name: str | None, where: str
) -> Tensor:
    if array.ndim == 0:
        raise InvalidSignatureError(
            "an array without a dimension has no batch to leave free",
            field=where,
            remedy="Give an array of one row or more, such as numpy.atleast_1d(value)",
        )
    return Tensor(name=name, dtype=_tensor_dtype(array, where), shape=(-1, *array.shape[1:]))


def _tensor_dtype(array: "np.ndarray[tuple[int, ...], np.dtype[Any]]", where: str) -> str:
    kind = array.dtype.kind
    if kind in _TEXT_DTYPES:
        return _TEXT_DTYPES[kind]
    if kind == "O" and array.size and all(isinstance(value, str) for value in array.flat):
        return "str"
    if kind in "biufcM":
        return str(array.dtype.name)
    raise _no_type(where, str(array.dtype), "Convert it to numbers, booleans, strings or times")


def _remedy(dtype: str) -> str:
    if dtype == "uint64":
        return "Cast it to int64 or float64"
    if "timedelta" in dtype:
        return "Convert it to a number of a fixed unit, such as seconds"
    if dtype in {"decimal", "complex128", "complex"}:
        return "Cast it to float64"
    return "Convert it to numbers, booleans, strings, bytes or times"


def _empty(where: str, dtype: object) -> InvalidSignatureError:
    return _no_type(where, f"{dtype} without a value", "Give a sample with a value in this column")


def _no_type(where: str, dtype: str, remedy: str) -> InvalidSignatureError:
    return InvalidSignatureError(
        f"values of dtype {dtype} have no type in a signature", field=where, remedy=remedy
    )
