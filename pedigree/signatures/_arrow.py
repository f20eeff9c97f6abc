"""The types of arrow's columns; they are known without looking at a value."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pedigree.signatures._types import ARRAY_DTYPES, COLUMN_TYPES, columns, no_type, tensor_of
from pedigree.signatures.records import ColumnType, Port

if TYPE_CHECKING:
    import pyarrow as pa

# By arrow's words without their parameters: "timestamp[ns, tz=UTC]" is a timestamp.
_BY_NAME: Mapping[str, ColumnType] = {
    **COLUMN_TYPES,
    "halffloat": ColumnType.FLOAT,
    "float": ColumnType.FLOAT,
    "double": ColumnType.DOUBLE,
    "string": ColumnType.STRING,
    "large_string": ColumnType.STRING,
    "string_view": ColumnType.STRING,
    "binary": ColumnType.BINARY,
    "large_binary": ColumnType.BINARY,
    "binary_view": ColumnType.BINARY,
    "fixed_size_binary": ColumnType.BINARY,
    "date32": ColumnType.DATETIME,
    "date64": ColumnType.DATETIME,
    "timestamp": ColumnType.DATETIME,
}

# Where numpy has a narrower word for an array's values than a column's type.
_NUMPY_NAMES: Mapping[str, str] = {
    **{name: name for name in COLUMN_TYPES},
    "uint64": "uint64",
    "halffloat": "float16",
    "float": "float32",
    "double": "float64",
    "date32": "datetime64[D]",
    "date64": "datetime64[ms]",
}


def table_ports(table: "pa.Table | pa.RecordBatch", role: str) -> tuple[Port, ...]:
    """Return one column a name.

    Raises:
        InvalidSignatureError: A name or a type has no place in a signature.
    """
    return columns(
        ((field.name, column_type(field.type, f"{role}.{field.name}")) for field in table.schema),
        role,
    )


def array_port(array: "pa.Array[Any] | pa.ChunkedArray[Any]", role: str) -> Port:
    """Return a tensor: an arrow array has no name.

    Raises:
        InvalidSignatureError: Its type has no place in a signature.
    """
    return tensor_of(array_dtype(array.type, role))


def column_type(dtype: "pa.DataType", where: str) -> ColumnType:
    """Return the type of a column of an arrow type.

    Raises:
        InvalidSignatureError: It has none.
    """
    known = _BY_NAME.get(_name(_values(dtype)))
    if known is None:
        raise no_type(where, str(_values(dtype)))
    return known


def array_dtype(dtype: "pa.DataType", where: str) -> str:
    """Return numpy's word for the values of an arrow type, whether or not some are missing.

    Raises:
        InvalidSignatureError: There is none.
    """
    values: Any = _values(dtype)
    name = _name(values)
    if name in _NUMPY_NAMES:
        return _NUMPY_NAMES[name]
    if name == "timestamp":
        return f"datetime64[{values.unit}]"
    return ARRAY_DTYPES[column_type(values, where)]


def _values(dtype: Any) -> Any:
    # How a column is encoded is the table's affair; what a caller sends are its values.
    encoded = str(dtype).startswith(("dictionary", "run_end_encoded"))
    return getattr(dtype, "value_type", dtype) if encoded else dtype


def _name(dtype: Any) -> str:
    return str(dtype).partition("[")[0]
