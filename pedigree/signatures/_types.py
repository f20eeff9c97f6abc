"""Signature types of common libraries' dtypes, and the errors for unsupported ones."""

from collections.abc import Iterable, Mapping

from pedigree.errors import InvalidSignatureError
from pedigree.signatures.records import Column, ColumnType, Tensor

# By the names that numpy, polars and arrow share. Unsigned numbers get the next wider signed type;
# uint64 has none, so it is refused.
COLUMN_TYPES: Mapping[str, ColumnType] = {
    "bool": ColumnType.BOOLEAN,
    "int8": ColumnType.INTEGER,
    "int16": ColumnType.INTEGER,
    "int32": ColumnType.INTEGER,
    "int64": ColumnType.LONG,
    "uint8": ColumnType.INTEGER,
    "uint16": ColumnType.INTEGER,
    "uint32": ColumnType.LONG,
    "float16": ColumnType.FLOAT,
    "float32": ColumnType.FLOAT,
    "float64": ColumnType.DOUBLE,
}


# The dtype of an array without a name whose values only have a column type.
ARRAY_DTYPES: Mapping[ColumnType, str] = {
    ColumnType.BOOLEAN: "bool",
    ColumnType.INTEGER: "int32",
    ColumnType.LONG: "int64",
    ColumnType.FLOAT: "float32",
    ColumnType.DOUBLE: "float64",
    ColumnType.STRING: "str",
    ColumnType.BINARY: "bytes",
    ColumnType.DATETIME: "datetime64[ns]",
}


def columns(types: Iterable[tuple[object, ColumnType]], role: str) -> tuple[Column, ...]:
    """Return columns with these names and types.

    Raises:
        InvalidSignatureError: There are none, or a name is not a string or is a duplicate.
    """
    found: dict[str, Column] = {}
    for label, kind in types:
        name = column_name(label, role)
        if name in found:
            raise InvalidSignatureError(
                "two columns have the same name",
                field=f"{role}.{name}",
                remedy="Give the columns different names",
            )
        found[name] = Column(name=name, type=kind)
    if not found:
        raise InvalidSignatureError(
            "the frame has no columns", field=role, remedy="Give a frame with columns"
        )
    return tuple(found.values())


def column_name(label: object, role: str) -> str:
    """Return a column's label if it is a non-empty string.

    Raises:
        InvalidSignatureError: It is not a string, or is empty.
    """
    if not isinstance(label, str) or not label:
        raise InvalidSignatureError(
            f"the column label {label!r} is not a non-empty string",
            field=role,
            remedy="Rename it: frame.columns = frame.columns.astype(str)",
        )
    return label


def tensor_of(dtype: str) -> Tensor:
    """Return a tensor without a name and with one dimension, the batch."""
    return Tensor(dtype=dtype, shape=(-1,))


def no_type(where: str, dtype: str, remedy: str | None = None) -> InvalidSignatureError:
    """Return the error for a dtype that a signature does not support."""
    return InvalidSignatureError(
        f"values of dtype {dtype} have no type in a signature",
        field=where,
        remedy=remedy or _remedy(dtype),
    )


def _remedy(dtype: str) -> str:
    kind = dtype.lower()
    if "uint64" in kind:
        return "Cast it to int64 or float64"
    if "timedelta" in kind or "duration" in kind:
        return "Convert it to a number of a fixed unit, such as seconds"
    if "decimal" in kind or "complex" in kind:
        return "Cast it to float64"
    return "Convert it to numbers, booleans, strings, bytes or times"
